using System.Text;
using System.Text.Json.Nodes;

namespace Crisp.Images.Tests.Builders;

/// <summary>Writes an OCI image layout as a directory.</summary>
internal sealed class LayoutBuilder
{
    internal const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    internal const string IndexType = "application/vnd.oci.image.index.v1+json";
    private readonly JsonArray _manifests = [];

    internal LayoutBuilder(string path)
    {
        Path = path;
        Directory.CreateDirectory(System.IO.Path.Combine(path, "blobs", "sha256"));
        File.WriteAllText(System.IO.Path.Combine(path, "oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
    }

    internal string Path { get; }

    /// <summary>An image with its layers compressed by gzip.</summary>
    internal JsonObject Image(params byte[][] layers) => Image("amd64", layers);

    internal JsonObject Image(string architecture, params byte[][] layers)
        => Blob(ManifestType, Encoding.UTF8.GetBytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = ManifestType,
            ["annotations"] = new JsonObject { ["org.example.key"] = "value" },
            ["config"] = Blob("application/vnd.oci.image.config.v1+json", Content.Config(architecture, layers, architecture)),
            ["layers"] = new JsonArray([.. layers.Select(l => Blob("application/vnd.oci.image.layer.v1.tar+gzip", Content.Gzip(l)))]),
        }.ToJsonString()));

    internal JsonObject Index(params (string Architecture, JsonObject Manifest)[] manifests)
        => Blob(IndexType, Encoding.UTF8.GetBytes(new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = IndexType,
            ["manifests"] = new JsonArray([.. manifests.Select(m => WithPlatform(m.Architecture, m.Manifest))]),
        }.ToJsonString()));

    internal static JsonObject WithPlatform(string architecture, JsonObject manifest)
    {
        manifest["platform"] = new JsonObject { ["os"] = architecture == "unknown" ? "unknown" : "linux", ["architecture"] = architecture };
        return manifest;
    }

    /// <param name="key">The annotation that has the name.</param>
    internal LayoutBuilder Add(JsonObject descriptor, string? name = null, string key = "org.opencontainers.image.ref.name")
    {
        if (name is not null)
        {
            descriptor["annotations"] = new JsonObject { [key] = name };
        }

        _manifests.Add(descriptor);
        File.WriteAllText(
            System.IO.Path.Combine(Path, "index.json"),
            new JsonObject { ["schemaVersion"] = 2, ["manifests"] = _manifests.DeepClone() }.ToJsonString());
        return this;
    }

    internal JsonObject Blob(string mediaType, byte[] content)
    {
        var digest = Digest.Of(content);
        File.WriteAllBytes(System.IO.Path.Combine(Path, "blobs", "sha256", digest.Hex), content);
        return new JsonObject { ["mediaType"] = mediaType, ["digest"] = digest.ToString(), ["size"] = content.Length };
    }

    /// <summary>The layout in one tar archive.</summary>
    internal string Archive(string path)
    {
        Tool.Run("tar", "-C", Path, "-cf", path, ".");
        return path;
    }
}
