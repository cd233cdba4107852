namespace Crisp.Images.Archives;

/// <summary>How much of a stranger's archive is read before it is refused.</summary>
/// <param name="Entries">Headers of every kind, those that only describe the next one included.</param>
/// <param name="Bytes">Of the archive once decompressed, so that a small download does not fill a disk for ever.</param>
/// <param name="Header">Bytes of one PAX header or GNU long name; Go's archive/tar has the same cap.</param>
internal sealed record TarLimits(int Entries, long Bytes, int Header)
{
    /// <summary>For a layer: four times the largest that are known (machine learning images: a million files, 100 GiB).</summary>
    internal static TarLimits Layer { get; } = new(4_000_000, 512L << 30, 1 << 20);

    /// <summary>For an archive of images, which has a few entries for each layer.</summary>
    internal static TarLimits Archive { get; } = new(100_000, 2048L << 30, 1 << 20);
}
