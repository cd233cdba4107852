using System.Net;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.Network;

namespace Crisp.CriServer.Networking;

/// <summary>
/// Ports of the node that lead into pods. Plugins write their rules one after the other and do not look for earlier ones, so
/// that the second pod of a port would run and never hear of it.
/// </summary>
internal static class HostPorts
{
    public static IReadOnlyList<HostPort> Of(CapabilityArguments? arguments)
        => [.. arguments?.PortMappings?.Select(p => new HostPort(p.HostPort, p.Protocol, p.HostIP)) ?? []];

    /// <summary>Of two pods that are made at the same time, both in the index, the older gets the port.</summary>
    /// <exception cref="CriException">FAILED_PRECONDITION: another pod has one of the ports.</exception>
    public static void Claim(StateIndex index, SandboxRecord pod)
    {
        if (pod.HostPorts.Count == 0)
        {
            return;
        }

        foreach (var other in index.All.Select(s => s.Record).Where(r => r.Id != pod.Id && Holds(r, pod)))
        {
            if (pod.HostPorts.FirstOrDefault(mine => other.HostPorts.Any(theirs => Overlap(mine, theirs))) is { } taken)
            {
                throw CriException.Precondition(
                    $"The host port {taken} leads into the pod {other.Metadata.Namespace}/{other.Metadata.Name} ({other.Id}). Stop that pod first, or use another port.");
            }
        }
    }

    private static bool Holds(SandboxRecord other, SandboxRecord pod) => other.Stage switch
    {
        SandboxStage.Ready => true,
        SandboxStage.Creating => (other.CreatedAt, other.Id).CompareTo((pod.CreatedAt, pod.Id)) < 0,
        _ => false,
    };

    private static bool Overlap(HostPort one, HostPort other)
        => one.Port == other.Port && one.Protocol == other.Protocol && (IsEvery(one) || IsEvery(other) || IPAddress.Parse(one.Address).Equals(IPAddress.Parse(other.Address)));

    private static bool IsEvery(HostPort port)
        => port.Address.Length == 0 || IPAddress.Parse(port.Address) is var address && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any));
}
