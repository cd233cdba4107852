using System.Text;
using Crisp.GuestImages.Compression;
using Crisp.GuestImages.Programs;
using Crisp.Kvm.Boot.Linux;

namespace Crisp.GuestImages.Kernels;

/// <summary>A kernel as guests are started with it: a vmlinux wherever one can be made.</summary>
/// <param name="Release">As <c>uname -r</c> tells it in the guest.</param>
/// <param name="Note">What was done to it, for people.</param>
internal sealed record KernelFile(string Release, ReadOnlyMemory<byte> Image, string Note)
{
    private const long LongestFile = 256 << 20;
    private const int ExpandedLengthSize = 4;
    private const int LongestRelease = 64;

    /// <summary>Reads a vmlinux or a bzImage, whose vmlinux is taken out of it: unpacked once here and not at every start of a guest.</summary>
    /// <exception cref="GuestImageException">It is neither, or damaged.</exception>
    internal static KernelFile Read(string path)
    {
        var file = HostFile.Read("kernel", path, LongestFile);
        if (ElfProgram.IsElf(file))
        {
            return new KernelFile(ReleaseOf(file, path), file, "a vmlinux");
        }

        if (!BzImage.IsOne(file))
        {
            throw new GuestImageException($"The kernel {path} is neither a vmlinux (ELF) nor a bzImage.");
        }

        var release = BzImage.FindRelease(file) ?? throw new GuestImageException($"The bzImage {path} does not tell the release of its kernel.");
        return Unpack(file, out var image, out var kind) is { } reason
            ? new KernelFile(release, file, $"a bzImage that unpacks itself in the guest: {reason}")
            : new KernelFile(release, image, $"a vmlinux, taken out of a bzImage ({kind})");
    }

    /// <returns>Why it cannot be done; null when it was.</returns>
    private static string? Unpack(byte[] file, out ReadOnlyMemory<byte> image, out string kind)
    {
        image = default;
        kind = "";
        if (BzImage.FindPayload(file) is not { } payload)
        {
            return "its header does not tell where its payload is";
        }

        var compression = Decompressor.Recognize(file.AsSpan(payload.Offset, payload.Length));
        if (compression == CompressionKind.None)
        {
            return "it is compressed in a way that crisp does not know";
        }

        // The build appends the expanded length; for gzip it is a part of the format (scripts/Makefile.lib, size_append).
        var length = compression == CompressionKind.Gzip ? payload.Length : payload.Length - ExpandedLengthSize;
        try
        {
            image = Decompressor.Expand(file, payload.Offset, length, compression, LongestFile);
        }
        catch (InvalidDataException e)
        {
            return $"its payload ({compression}) could not be unpacked here. {e.Message}";
        }

        kind = compression switch { CompressionKind.Lz4Legacy => "lz4", _ => compression.ToString().ToLowerInvariant() };
        return ElfProgram.IsElf(image.Span) ? null : $"its payload ({kind}) is no ELF file";
    }

    /// <summary>A vmlinux has the text that /proc/version begins with.</summary>
    private static string ReleaseOf(ReadOnlySpan<byte> image, string path)
    {
        var banner = "Linux version "u8;
        for (int at; (at = image.IndexOf(banner)) >= 0;)
        {
            image = image[(at + banner.Length)..];
            var text = image[..Math.Min(image.Length, LongestRelease)];
            var end = text.IndexOf((byte)' ');
            if (end > 0 && char.IsAsciiDigit((char)text[0]))
            {
                return Encoding.Latin1.GetString(text[..end]);
            }
        }

        throw new GuestImageException($"The ELF file {path} is no Linux kernel: it does not have the words \"Linux version\".");
    }
}
