namespace Crisp.Images.Oci;

/// <summary>Media types of the OCI image specification and of Docker's schema 2, which mean the same to this store.</summary>
internal static class MediaTypes
{
    internal const string OciIndex = "application/vnd.oci.image.index.v1+json";
    internal const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    internal const string OciConfig = "application/vnd.oci.image.config.v1+json";
    internal const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
    internal const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    internal const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    private const string OciLayer = "application/vnd.oci.image.layer.";
    private const string DockerLayer = "application/vnd.docker.image.rootfs.";

    internal static bool IsIndex(string? type) => type is OciIndex or DockerIndex;

    internal static bool IsManifest(string? type) => type is OciManifest or DockerManifest;

    internal static bool IsConfig(string? type) => type is OciConfig or DockerConfig;

    /// <summary>Which compression is told by the content, not by this: archives in the wild are labelled wrongly.</summary>
    internal static bool IsLayer(string type)
        => (type.StartsWith(OciLayer, StringComparison.Ordinal) || type.StartsWith(DockerLayer, StringComparison.Ordinal))
            && !type.Contains("encrypted", StringComparison.Ordinal);
}
