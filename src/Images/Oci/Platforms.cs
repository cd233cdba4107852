namespace Crisp.Images.Oci;

/// <summary>Which image of an index is for this node.</summary>
internal static class Platforms
{
    private const string Os = "linux";
    private const string Architecture = "amd64";

    /// <summary>The entry for this node, else one that does not say what it is for (its config will), else none.</summary>
    internal static OciDescriptor? Choose(IEnumerable<OciDescriptor> manifests)
    {
        var all = manifests.Where(m => m.MediaType is null || MediaTypes.IsManifest(m.MediaType) || MediaTypes.IsIndex(m.MediaType)).ToList();
        // amd64's variants (v2, v3) ask for more than every node has.
        return all.Find(m => IsOurs(m.Platform) && string.IsNullOrEmpty(m.Platform?.Variant))
            ?? all.Find(m => IsOurs(m.Platform))
            ?? all.Find(m => string.IsNullOrEmpty(m.Platform?.Os) && string.IsNullOrEmpty(m.Platform?.Architecture));
    }

    internal static string Describe(IEnumerable<OciDescriptor> manifests)
        => string.Join(", ", manifests.Where(m => m.Platform is not null).Select(m => $"{m.Platform!.Os}/{m.Platform.Architecture}").Distinct());

    private static bool IsOurs(OciPlatform? platform) => platform is { Os: Os, Architecture: Architecture };
}
