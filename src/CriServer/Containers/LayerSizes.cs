using Crisp.CriServer.Hosting;
using Crisp.CriServer.Networking;

namespace Crisp.CriServer.Containers;

/// <summary>
/// How large writable layers may become. CRI has no field for it, so a pod says it by annotations, which the kubelet passes on, and the
/// node's administrator for containers of which the pod says nothing.
/// </summary>
internal static class LayerSizes
{
    /// <summary>For each container of the pod.</summary>
    public const string PodAnnotation = "crisp.dev/writable-layer-size";

    /// <summary>For the container whose name follows: an annotation's name after the slash has room for a container's, and no more.</summary>
    public const string ContainerAnnotations = "writable-layer-size.crisp.dev/";

    /// <summary>1 MiB: less has no room for what overlayfs itself needs and a few files.</summary>
    public const long Least = 1L << 20;

    /// <summary>1 PiB.</summary>
    public const long Most = 1L << 50;

    /// <summary>Refuses a pod with a size that cannot be read, or with any on a node that cannot keep it.</summary>
    /// <exception cref="CriException">INVALID_ARGUMENT or FAILED_PRECONDITION.</exception>
    public static void Check(IDictionary<string, string> annotations, LayerQuotas quotas)
    {
        foreach (var (name, text) in annotations)
        {
            if (name == PodAnnotation || name.StartsWith(ContainerAnnotations, StringComparison.Ordinal))
            {
                quotas.Require(new LayerSize(Parse(name, text), $"the annotation {name}"));
            }
        }
    }

    /// <param name="annotations">The pod's.</param>
    /// <param name="container">Its name in the pod.</param>
    /// <param name="usual">Of the configuration, in bytes; null for none.</param>
    /// <returns>Null: as large as the disk.</returns>
    /// <exception cref="CriException">INVALID_ARGUMENT for an annotation that cannot be read.</exception>
    public static LayerSize? Of(IReadOnlyDictionary<string, string> annotations, string container, long? usual)
    {
        foreach (var name in (string[])[ContainerAnnotations + container, PodAnnotation])
        {
            if (annotations.TryGetValue(name, out var text))
            {
                return new LayerSize(Parse(name, text), $"the annotation {name}");
            }
        }

        return usual is { } bytes ? new LayerSize((ulong)bytes, "containers.writable_layer_size in crisp's configuration") : null;
    }

    private static ulong Parse(string name, string text) => Quantity.TryParse(text, out var bytes) && bytes is >= Least and <= Most
        ? bytes
        : throw CriException.Invalid($"The annotation {name} is \"{text}\"; it must be a size from 1Mi to 1Pi, such as 512Mi or 10G.");
}

/// <param name="Source">Who asks for it: "the annotation x".</param>
internal sealed record LayerSize(ulong Bytes, string Source);
