using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;

namespace Crisp.Images.Tests.Builders;

/// <summary>Images for the store, from layers in memory.</summary>
internal static class Content
{
    internal static ImageContent Of(params byte[][] layers) => Of("test/image:1", layers);

    /// <param name="tag">Also makes the image's id its own.</param>
    internal static ImageContent Of(string tag, params byte[][] layers) => new()
    {
        Config = Config(tag, layers),
        Layers = [.. layers.Select(Layer)],
        RepoTags = [ImageReference.Parse(tag).RepoTag!],
    };

    internal static LayerSource Layer(byte[] archive)
    {
        var packed = Gzip(archive);
        return Layer(packed, Digest.Of(archive));
    }

    internal static LayerSource Layer(byte[] packed, Digest diffId) => new()
    {
        DiffId = diffId,
        Digest = Digest.Of(packed),
        Size = packed.Length,
        OpenAsync = _ => Task.FromResult<Stream>(new MemoryStream(packed)),
    };

    internal static byte[] Config(string title, byte[][] layers, string architecture = "amd64")
        => Encoding.UTF8.GetBytes(new JsonObject
        {
            ["architecture"] = architecture,
            ["os"] = "linux",
            ["config"] = new JsonObject { ["Labels"] = new JsonObject { ["title"] = title } },
            ["rootfs"] = new JsonObject
            {
                ["type"] = "layers",
                ["diff_ids"] = new JsonArray([.. layers.Select(l => JsonValue.Create(Digest.Of(l).ToString()))]),
            },
        }.ToJsonString());

    internal static byte[] Gzip(byte[] content)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return buffer.ToArray();
    }

    internal static byte[] Zstd(byte[] content)
    {
        using var compressor = new ZstdSharp.Compressor();
        return compressor.Wrap(content).ToArray();
    }
}
