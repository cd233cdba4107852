using System.Text.RegularExpressions;

namespace Crisp.CriServer.Cdi;

/// <summary>Names of the Container Device Interface: vendor.example/class=device.</summary>
internal static partial class CdiNames
{
    private const string AnnotationPrefix = "cdi.k8s.io/";

    /// <summary>Whether a specification may be of this kind: vendor.example/class.</summary>
    public static bool IsKind(string kind) => Kind().IsMatch(kind);

    /// <summary>Whether it may be the part behind the = sign.</summary>
    public static bool IsDevice(string name) => Device().IsMatch(name);

    /// <summary>The devices that a container asks for, each once: those of CRI's field, then those of its annotations, by their keys.</summary>
    /// <exception cref="CdiException">One of them is no name.</exception>
    public static IReadOnlyList<string> Asked(IEnumerable<string> field, IEnumerable<KeyValuePair<string, string>> annotations)
    {
        var annotated = annotations.Where(a => a.Key.StartsWith(AnnotationPrefix, StringComparison.Ordinal)).OrderBy(a => a.Key, StringComparer.Ordinal)
            .SelectMany(a => a.Value.Split(','));
        return [.. field.Concat(annotated).Distinct(StringComparer.Ordinal).Select(Checked)];
    }

    private static string Checked(string name)
        => name.Split('=', 2) is [var kind, var device] && IsKind(kind) && IsDevice(device)
            ? name
            : throw new CdiException($"\"{name}\" is no name of a CDI device; one is vendor.example/class=device.");

    [GeneratedRegex(@"\A[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?/[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?\z")]
    private static partial Regex Kind();

    [GeneratedRegex(@"\A[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?\z")]
    private static partial Regex Device();
}
