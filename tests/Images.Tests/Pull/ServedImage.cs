using System.Text;
using System.Text.Json.Nodes;
using Crisp.Images.Tests.Builders;
using Crisp.Images.Tests.Registry;

namespace Crisp.Images.Tests.Pull;

/// <summary>An image's documents and layers as a registry serves them. Every part may be exchanged for a lie.</summary>
internal sealed class ServedImage
{
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    /// <param name="archives">Tar archives, lowest first.</param>
    public ServedImage(params byte[][] archives)
    {
        Archives = archives;
        Layers = [.. archives.Select(Content.Gzip)];
        Config = Content.Config("served", archives);
        Manifest = Bytes(ManifestOf());
    }

    public byte[][] Archives { get; }

    public byte[][] Layers { get; set; }

    public byte[] Config { get; set; }

    public byte[] Manifest { get; set; }

    public string ManifestType { get; set; } = OciManifest;

    /// <summary>The image's id.</summary>
    public string Id => Digest.Of(Config).ToString();

    public Digest ManifestDigest => Digest.Of(Manifest);

    public string LayerPath(int layer) => $"/v2/app/blobs/{Digest.Of(Layers[layer])}";

    /// <summary>An image of layers that are large enough to be interrupted.</summary>
    /// <param name="bytes">Of each layer, incompressible.</param>
    public static ServedImage Large(int layers, int bytes, string title = "large")
    {
        var archives = Enumerable.Range(0, layers)
            .Select(i => new TarBuilder().Directory("d").Add($"d/{title}-{i}", '0', 0x1A4, Noise.Bytes(bytes + i)).ToArray());
        return new ServedImage([.. archives]);
    }

    public JsonObject ManifestOf(string? configType = OciConfig, string layerType = OciLayer) => new()
    {
        ["schemaVersion"] = 2,
        ["mediaType"] = ManifestType,
        ["config"] = Descriptor(configType, Config),
        ["layers"] = new JsonArray([.. Layers.Select(l => Descriptor(layerType, l))]),
    };

    public static JsonObject Descriptor(string? type, byte[] content) => new()
    {
        ["mediaType"] = type,
        ["digest"] = Digest.Of(content).ToString(),
        ["size"] = content.Length,
    };

    public static JsonObject Platform(JsonObject descriptor, string os, string architecture, string? variant = null)
    {
        descriptor["platform"] = new JsonObject { ["os"] = os, ["architecture"] = architecture, ["variant"] = variant };
        return descriptor;
    }

    public static byte[] Index(params JsonObject[] manifests) => Bytes(new JsonObject
    {
        ["schemaVersion"] = 2,
        ["mediaType"] = OciIndex,
        ["manifests"] = new JsonArray([.. manifests]),
    });

    public static byte[] Bytes(JsonNode document) => Encoding.UTF8.GetBytes(document.ToJsonString());

    /// <summary>Serves everything in the repository "app".</summary>
    public ServedImage On(FakeRegistry registry, string tag = "1")
    {
        for (var i = 0; i < Layers.Length; i++)
        {
            registry.Content[LayerPath(i)] = new Served(Layers[i]);
        }

        registry.Content[$"/v2/app/blobs/{Digest.Of(Config)}"] = new Served(Config);
        Serve(registry, tag, Manifest, ManifestType);
        return this;
    }

    /// <summary>Serves a document under its digest and a tag.</summary>
    public static void Serve(FakeRegistry registry, string tag, byte[] document, string type)
    {
        var digest = Digest.Of(document).ToString();
        registry.Content[$"/v2/app/manifests/{tag}"] = registry.Content[$"/v2/app/manifests/{digest}"] = new Served(document, type, digest);
    }
}
