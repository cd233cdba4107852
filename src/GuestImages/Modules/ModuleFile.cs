using System.Text;
using Crisp.GuestImages.Compression;

namespace Crisp.GuestImages.Modules;

/// <summary>A module as the guest loads it: an ELF file, which no program has to unpack there.</summary>
/// <param name="FileName">As in the kernel's tree: virtio-rng.ko.</param>
internal sealed record ModuleFile(string FileName, ReadOnlyMemory<byte> Content)
{
    private const long Longest = 64 << 20;

    /// <param name="release">The kernel's, which the module must be made for.</param>
    /// <exception cref="GuestImageException">It is damaged, or another kernel's.</exception>
    internal static ModuleFile Read(string path, string release)
    {
        var content = Expand(path);
        var builtFor = ReleaseOf(content.Span);
        var name = Path.GetFileName(path);
        return builtFor is null ? throw new GuestImageException($"The module {path} is damaged: it does not tell for which kernel it is.")
            : builtFor == release ? new ModuleFile(name[..(name.IndexOf(".ko", StringComparison.Ordinal) + ".ko".Length)], content)
            : throw new GuestImageException($"The module {path} is for the kernel {builtFor}, not for {release}. Name the modules of the same kernel (--modules).");
    }

    private static ReadOnlyMemory<byte> Expand(string path)
    {
        var file = HostFile.Read("module", path, Longest);
        var kind = Decompressor.Recognize(file);
        try
        {
            return kind == CompressionKind.None ? file : Decompressor.Expand(file, 0, file.Length, kind, Longest);
        }
        catch (InvalidDataException e)
        {
            throw new GuestImageException($"The module {path} ({kind}) cannot be unpacked. {e.Message}", e);
        }
    }

    /// <summary>The first word of vermagic in the section .modinfo (Linux: include/linux/vermagic.h).</summary>
    private static string? ReleaseOf(ReadOnlySpan<byte> module)
    {
        var key = "\0vermagic="u8;
        var at = module.IndexOf(key);
        var text = at < 0 ? default : module[(at + key.Length)..];
        var end = text.IndexOf((byte)' ');
        return end > 0 ? Encoding.Latin1.GetString(text[..end]) : null;
    }
}
