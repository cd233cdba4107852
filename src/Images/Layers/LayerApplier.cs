using Crisp.Images.Archives;
using Crisp.Linux;

namespace Crisp.Images.Layers;

/// <summary>
/// Makes an archive's entries in a layer's directory. The archive is hostile until proven otherwise: every step is relative
/// to an open directory that the kernel found inside the layer, and no final symlink is ever followed.
/// </summary>
internal sealed partial class LayerApplier(LayerTree tree) : IDisposable
{
    private LayerPath _parentPath;
    private FileDescriptor? _parent;
    private Timestamp _parentModified;

    // The way to the open parent may have led through what an entry has just replaced: l/l, where l/l was a symlink to /l.
    private bool _isParentStale;

    /// <summary>The layer's "/", or null when the archive has no entry for it.</summary>
    internal RootDirectory? Root { get; private set; }

    /// <summary>Whether the layer hides everything beneath it. overlayfs has no mark for this: the layers beneath are left out.</summary>
    internal bool HidesAll { get; private set; }

    /// <param name="data">The reader that <paramref name="entry"/> came from.</param>
    internal void Apply(TarEntry entry, TarReader data)
    {
        var path = LayerPath.Parse(entry.Name);
        try
        {
            if (path.IsRoot)
            {
                ApplyRoot(entry);
            }
            else if (Whiteout.Kind(path) is var kind and not WhiteoutKind.None)
            {
                Hide(path, kind);
            }
            else
            {
                Make(entry, path, data);
            }
        }
        catch (LinuxException error) when (error.Errno is Errno.ENAMETOOLONG or Errno.ELOOP or Errno.EMLINK)
        {
            // Names and links that no filesystem can have; a full disk or a broken one is not the archive's fault.
            throw ImageException.Bad($"{path} cannot be made: {error.Message}", error);
        }

        if (_isParentStale)
        {
            LeaveParent();
            _isParentStale = false;
        }
    }

    /// <summary>After the last entry.</summary>
    internal void Finish()
    {
        LeaveParent();
        tree.Finish();
    }

    public void Dispose() => _parent?.Dispose();

    private void ApplyRoot(TarEntry entry)
    {
        if (entry.Kind != TarEntryKind.Directory)
        {
            throw ImageException.Bad("The archive's entry for / is no directory.");
        }

        LeaveParent();
        SetMetadata(tree.Upper, entry);
        Root = new RootDirectory(entry.Mode, entry.Uid, entry.Gid);
    }

    // Neighbours in an archive are mostly neighbours in the tree, so that one directory stays open. Its time is what its own
    // entry or the layer beneath says, not when we put something into it.
    private FileDescriptor Parent(LayerPath path)
    {
        if (_parent is not null && _parentPath == path)
        {
            return _parent;
        }

        LeaveParent();
        var parent = OpenOrMake(path);
        _parentModified = Files.Status(parent).Modified;
        (_parentPath, _parent) = (path, parent);
        return parent;
    }

    private void LeaveParent()
    {
        if (_parent is not null)
        {
            Files.Utimens(_parent, "", Timestamp.Omit, _parentModified);
            _parent.Dispose();
            _parent = null;
        }
    }
}
