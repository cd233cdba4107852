using Crisp.Linux;

namespace Crisp.Images.Layers;

/// <summary>What an archive says by a name that begins with ".wh.".</summary>
internal enum WhiteoutKind
{
    None,

    /// <summary>.wh.NAME: the layers beneath have no NAME here.</summary>
    File,

    /// <summary>.wh..wh..opq: the layers beneath have nothing in this directory.</summary>
    Opaque,

    /// <summary>.wh..wh.plnk and the like: aufs's own bookkeeping, which is no content.</summary>
    Bookkeeping,
}

/// <summary>
/// Whiteouts in archives (OCI image specification, layer.md, "Whiteouts") and in overlayfs (Documentation/filesystems/
/// overlayfs.rst, "whiteouts and opaque directories").
/// </summary>
internal static class Whiteout
{
    private const string Prefix = ".wh.";
    private const string MetaPrefix = ".wh..wh.";
    private const string Opaque = ".wh..wh..opq";

    /// <exception cref="ImageException">A whiteout of nothing, of the directory itself or of its parent, or with files beneath.</exception>
    internal static WhiteoutKind Kind(LayerPath path)
    {
        if (!path.Text.Contains(Prefix, StringComparison.Ordinal))
        {
            return WhiteoutKind.None;
        }

        foreach (var part in path.Parent.Parts)
        {
            if (part.StartsWith(MetaPrefix, StringComparison.Ordinal))
            {
                return WhiteoutKind.Bookkeeping;
            }

            if (part.StartsWith(Prefix, StringComparison.Ordinal))
            {
                throw ImageException.Bad($"{path} lies beneath a whiteout, which is no directory.");
            }
        }

        var name = path.Name;
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return WhiteoutKind.None;
        }

        if (name.StartsWith(MetaPrefix, StringComparison.Ordinal))
        {
            return name == Opaque ? WhiteoutKind.Opaque : WhiteoutKind.Bookkeeping;
        }

        return name[Prefix.Length..] is not ("" or "." or "..")
            ? WhiteoutKind.File
            : throw ImageException.Bad($"{path} is a whiteout that names no file.");
    }

    /// <summary>The name that a whiteout hides.</summary>
    internal static string Target(LayerPath path) => path.Name[Prefix.Length..];

    internal static bool Is(FileStatus status) => status is { Type: FileType.CharacterDevice, DeviceMajor: 0, DeviceMinor: 0 };

    internal static void Make(FileDescriptor directory, string name) => Files.MknodAt(directory, name, FileType.CharacterDevice, 0);

    internal static void MakeOpaque(FileDescriptor directory) => Files.SetXattr(directory, "trusted.overlay.opaque", "y"u8);
}
