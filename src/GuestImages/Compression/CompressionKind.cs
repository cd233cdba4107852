namespace Crisp.GuestImages.Compression;

/// <summary>How the kernel's own build compresses kernels and modules.</summary>
internal enum CompressionKind
{
    None,
    Gzip,
    Xz,
    Zstd,

    /// <summary>The format of <c>lz4 -l</c>.</summary>
    Lz4Legacy,
    Bzip2,

    /// <summary>The format of <c>lzma</c>, which came before xz.</summary>
    Lzma,
}
