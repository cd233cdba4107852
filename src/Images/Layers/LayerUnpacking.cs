using System.Diagnostics;
using Crisp.Images.Archives;

namespace Crisp.Images.Layers;

/// <summary>What came out of unpacking one layer.</summary>
/// <param name="IsCompleted">Whether the layers beneath had a part in it: then it is good above these alone.</param>
/// <param name="Root">The layer's "/", or null when it has no entry for it.</param>
/// <param name="HidesAll">Whether nothing of the layers beneath shows.</param>
internal sealed record UnpackedLayer(bool IsCompleted, RootDirectory? Root, bool HidesAll);

/// <summary>
/// One pass over a layer's bytes: digest, decompress and diffID on one thread, unpack on another right behind it. Nothing is
/// believed before both digests match; until then the tree is in a directory that nobody sees.
/// </summary>
internal static class LayerUnpacking
{
    /// <param name="directory">An empty directory; on success it holds the layer's tree as fs.</param>
    /// <param name="lowers">Waits for the layers beneath and returns their directories, top first.</param>
    /// <param name="read">Told the bytes read so far, by another thread than the caller's; throws to stop.</param>
    /// <param name="stop">Makes <paramref name="stream"/> stop waiting for bytes; cancelled when nobody wants them any more.</param>
    /// <exception cref="ImageException">The bytes are not what they claim to be, or hostile.</exception>
    internal static UnpackedLayer Run(
        Stream stream,
        LayerSource source,
        string directory,
        bool isLowest,
        Func<IReadOnlyList<string>> lowers,
        TarLimits limits,
        Action<long> read,
        CancellationTokenSource stop)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            using var packed = new HashingStream(stream, source.Size, read);
            using var plain = Decompression.Open(packed, out var isCompressed);
            using var content = new HashingStream(plain, limits.Bytes);
            using var tree = new LayerTree(directory, isLowest, lowers);
            using var applier = new LayerApplier(tree);
            using var ahead = new ReadAheadStream(content, stop);
            var reader = new TarReader(ahead, limits);
            while (reader.Next() is { } entry)
            {
                applier.Apply(entry, reader);
            }

            applier.Finish();
            ahead.Finish();
            CheckDigests(source, content.Finish(), packed);
            ImageMeters.LayerUnpacked(start, packed.Count);
            return new UnpackedLayer(tree.IsCompleted, applier.Root, applier.HidesAll);
        }
        catch (Exception error) when (Decompression.IsBadData(error))
        {
            throw ImageException.Bad($"The layer {source.Subject} is not what its compression says: {error.Message}", error);
        }
        catch (ImageException error)
        {
            throw new ImageException(error.Kind, $"The layer {source.Subject} cannot be unpacked. {error.Message}", error);
        }
    }

    private static void CheckDigests(LayerSource source, Digest diffId, HashingStream packed)
    {
        var digest = packed.Finish();
        if (packed.Count != source.Size)
        {
            throw ImageException.Bad($"It has {packed.Count} bytes where its manifest says {source.Size}.");
        }

        if (source.Digest is not null && digest != source.Digest)
        {
            throw ImageException.Bad($"Its content has the digest {digest}.");
        }

        if (diffId != source.DiffId)
        {
            throw ImageException.Bad($"Decompressed it has the digest {diffId}; the image's config says {source.DiffId}.");
        }
    }
}
