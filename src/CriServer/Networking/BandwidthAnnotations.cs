using Crisp.CriServer.Hosting;
using Crisp.Network;

namespace Crisp.CriServer.Networking;

/// <summary>The annotations by which Kubernetes limits a pod's traffic.</summary>
internal static class BandwidthAnnotations
{
    public const string Ingress = "kubernetes.io/ingress-bandwidth";
    public const string Egress = "kubernetes.io/egress-bandwidth";

    // Between 1k and 1P, as Kubernetes has it (k8s.io/kubernetes/pkg/util/bandwidth).
    private const ulong Least = 1_000;
    private const ulong Most = 1_000_000_000_000_000;

    // A token bucket needs a size. One second's traffic lets requests through in one piece; gigabits, as others have it, would
    // hide the limit from all but the longest transfers. The bandwidth plugin takes 32 bits.
    private const ulong LeastBurst = 1_000_000;
    private const ulong MostBurst = uint.MaxValue;

    /// <returns>Null when nothing is limited.</returns>
    /// <exception cref="CriException">A rate that cannot be read, or is out of range.</exception>
    public static Bandwidth? Read(IDictionary<string, string> annotations)
    {
        var (ingress, egress) = (Rate(annotations, Ingress), Rate(annotations, Egress));
        return ingress == 0 && egress == 0
            ? null
            : new Bandwidth(ingress, Burst(ingress), egress, Burst(egress));
    }

    private static ulong Burst(ulong rate) => rate == 0 ? 0 : Math.Clamp(rate, LeastBurst, MostBurst);

    private static ulong Rate(IDictionary<string, string> annotations, string name)
    {
        if (!annotations.TryGetValue(name, out var text))
        {
            return 0;
        }

        return Quantity.TryParse(text, out var rate) && rate is >= Least and <= Most
            ? rate
            : throw CriException.Invalid($"The annotation {name} is \"{text}\"; it must be a rate in bits a second from 1k to 1P, such as 10M.");
    }
}
