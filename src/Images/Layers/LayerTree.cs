using Crisp.Linux;

namespace Crisp.Images.Layers;

/// <summary>
/// The directory that a layer is unpacked into. It begins on its own; once the archive needs what only the layers beneath
/// have (the directory of lib/x without an entry lib/, the file of a hard link), everything goes through an overlay of it
/// and them, so that the kernel answers exactly as it would in a container.
/// </summary>
/// <remarks>
/// Nobody else reaches the directory (its parents have mode 0700), and the overlay is never attached anywhere. What only
/// overlayfs's own marks can say (whiteouts, opaque directories) is written while the overlay is not mounted.
/// </remarks>
internal sealed class LayerTree : IDisposable
{
    private const string Content = "fs";
    private const string Trash = "trash";
    private const string Work = "work";
    private const ResolveFlags Inside = ResolveFlags.InRoot | ResolveFlags.NoMagicLinks | ResolveFlags.NoCrossDevice;
    private const ResolveFlags Direct = ResolveFlags.Beneath | ResolveFlags.NoSymlinks | ResolveFlags.NoCrossDevice;
    private readonly string _directory;
    private readonly Func<IReadOnlyList<string>> _lowers;
    private readonly FileDescriptor _trash;
    private IReadOnlyList<string> _below = [];
    private FileDescriptor? _merged;
    private bool _isAlone;
    private int _discarded;

    /// <param name="directory">An empty directory.</param>
    /// <param name="lowers">Waits for the layers beneath and returns their directories, top first.</param>
    internal LayerTree(string directory, bool isLowest, Func<IReadOnlyList<string>> lowers)
    {
        IsLowest = isLowest;
        _directory = directory;
        _lowers = lowers;
        using var parent = Files.Open(directory, OpenFlags.Directory | OpenFlags.NoFollow);
        Files.MkdirAt(parent, Content, 0x1ED);
        Files.MkdirAt(parent, Trash, 0x1C0);
        Upper = Files.OpenAt(parent, Content, OpenFlags.Directory | OpenFlags.NoFollow);
        _trash = Files.OpenAt(parent, Trash, OpenFlags.Directory | OpenFlags.NoFollow);
        Files.Fchmod(Upper, 0x1ED);
    }

    /// <summary>The layer's own directory.</summary>
    internal FileDescriptor Upper { get; }

    /// <summary>Whether the layers beneath were needed: then the result is good above these layers alone.</summary>
    internal bool IsCompleted { get; private set; }

    /// <summary>Whether there is nothing beneath.</summary>
    internal bool IsLowest { get; }

    /// <summary>Whether paths are resolved through layers beneath.</summary>
    internal bool IsMerged => _below.Count > 0;

    private FileDescriptor Root => IsMerged ? _merged ??= Mount() : Upper;

    /// <summary>Brings the layers beneath in.</summary>
    /// <returns>False when they are in already or do not show, so that it is no use to look again.</returns>
    internal bool Complete()
    {
        if (IsCompleted || _isAlone)
        {
            return false;
        }

        IsCompleted = true;
        _below = _lowers();
        return true;
    }

    /// <summary>From now on the layer stands alone: it hides whatever there is beneath.</summary>
    internal void HideAll()
    {
        Unmount();
        _below = [];
        _isAlone = true;
    }

    /// <summary>A directory as the image sees it, symlinks on the way followed inside.</summary>
    internal FileDescriptor? TryOpen(LayerPath path, out Errno errno)
        => Files.TryOpenAt2(Root, path.IsRoot ? "." : path.Text, OpenFlags.Directory, Inside, 0, out errno);

    /// <summary>The same place in the layer's own directory, or null where it has none.</summary>
    internal FileDescriptor? TryOpenUpper(string path)
        => Files.TryOpenAt2(Upper, path.Length == 0 ? "." : path, OpenFlags.Directory, Direct, 0, out _);

    /// <summary>Where an open directory of the merged tree really lies: no symlinks, no leading slash.</summary>
    internal static string PathOf(FileDescriptor directory)
        => Files.ReadlinkAt(FileDescriptor.CurrentDirectory, directory.ProcPath).TrimStart('/');

    /// <summary>Takes the overlay away, so that the layer's own directory may be changed. Descriptors of it must be closed.</summary>
    internal void Unmount()
    {
        _merged?.Dispose();
        _merged = null;
    }

    /// <summary>Moves a directory out of the layer.</summary>
    internal void Discard(FileDescriptor parent, string name)
        => Files.RenameAt2(parent, name, _trash, $"{_discarded++}");

    /// <summary>Leaves nothing beside the content.</summary>
    internal void Finish()
    {
        Unmount();
        TreeRemoval.Remove(Path.Combine(_directory, Trash));
        TreeRemoval.Remove(Path.Combine(_directory, Work));
    }

    public void Dispose()
    {
        Unmount();
        Upper.Dispose();
        _trash.Dispose();
    }

    private FileDescriptor Mount()
    {
        // Volatile: the store syncs the layer when it is whole. A work directory is good for one such mount.
        var work = Path.Combine(_directory, Work);
        TreeRemoval.Remove(work);
        Directory.CreateDirectory(work);
        return OverlayMount.Create(_below, Path.Combine(_directory, Content), work, isVolatile: true);
    }
}
