using Crisp.Images.Archives;
using Crisp.Linux;

namespace Crisp.Images.Layers;

internal sealed partial class LayerApplier
{
    private const OpenFlags NewFile = OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow;

    private void Make(TarEntry entry, LayerPath path, TarReader data)
    {
        if (entry.Kind == TarEntryKind.HardLink)
        {
            MakeHardLink(path, LayerPath.Parse(entry.Target));
            return;
        }

        if (entry is { Kind: TarEntryKind.CharacterDevice, DeviceMajor: 0, DeviceMinor: 0 })
        {
            // The archive of an overlay's own directory: there this device is the whiteout.
            HideFile(path.Parent, path.Name);
            return;
        }

        if (entry.Kind == TarEntryKind.File)
        {
            MakeFile(entry, path, data);
            return;
        }

        var existing = Files.TryStatusAt(Parent(path.Parent), path.Name, out _);
        if (entry.Kind == TarEntryKind.Directory)
        {
            MakeDirectory(entry, path, existing);
            return;
        }

        Clear(path, existing);
        var parent = Parent(path.Parent);
        switch (entry.Kind)
        {
            case TarEntryKind.Symlink:
                MakeSymlink(entry, parent, path);
                break;
            default:
                MakeNode(entry, parent, path.Name);
                break;
        }
    }

    private void MakeDirectory(TarEntry entry, LayerPath path, FileStatus? existing)
    {
        // Of two directories of one name the second adds to the first.
        var isNew = existing?.Type != FileType.Directory;
        if (isNew)
        {
            Clear(path, existing);
            Files.MkdirAt(Parent(path.Parent), path.Name, 0x1C0);
        }

        using var directory = Files.OpenAt(Parent(path.Parent), path.Name, OpenFlags.Directory | OpenFlags.NoFollow);
        if (isNew && existing is not null && !tree.IsMerged)
        {
            // What it replaces hid whatever the layers beneath have here, and still does.
            Whiteout.MakeOpaque(directory);
        }

        SetMetadata(directory, entry);
    }

    private void MakeFile(TarEntry entry, LayerPath path, TarReader data)
    {
        using var file = CreateFile(path);
        for (var part = data.ReadData(); !part.IsEmpty; part = data.ReadData())
        {
            Files.WriteAll(file, part);
        }

        SetMetadata(file, entry);
    }

    // Most files are new: whether one is in the way is asked only when it is.
    private FileDescriptor CreateFile(LayerPath path)
    {
        const ResolveFlags Here = ResolveFlags.Beneath | ResolveFlags.NoSymlinks;
        var file = Files.TryOpenAt2(Parent(path.Parent), path.Name, NewFile, Here, 0x180, out var errno);
        if (file is null && errno == Errno.EEXIST)
        {
            Clear(path, Files.StatusAt(Parent(path.Parent), path.Name));
            file = Files.TryOpenAt2(Parent(path.Parent), path.Name, NewFile, Here, 0x180, out errno);
        }

        return file ?? throw new LinuxException("openat2", errno, path.ToString());
    }

    private static void MakeSymlink(TarEntry entry, FileDescriptor parent, LayerPath path)
    {
        if (entry.Target.Length == 0 || entry.Target.Contains('\0', StringComparison.Ordinal))
        {
            throw ImageException.Bad($"{path} is a symlink to nothing.");
        }

        Files.SymlinkAt(entry.Target, parent, path.Name);
        Files.ChownAt(parent, path.Name, entry.Uid, entry.Gid);
        Files.Utimens(parent, path.Name, entry.Modified, entry.Modified);
    }

    private static void MakeNode(TarEntry entry, FileDescriptor parent, string name)
    {
        var type = entry.Kind switch
        {
            TarEntryKind.CharacterDevice => FileType.CharacterDevice,
            TarEntryKind.BlockDevice => FileType.BlockDevice,
            _ => FileType.Fifo,
        };
        Files.MknodAt(parent, name, type, 0x180, entry.DeviceMajor, entry.DeviceMinor);

        // Never opened: a fifo would wait, and a device is the node's own.
        using var node = Files.OpenAt(parent, name, OpenFlags.Path | OpenFlags.NoFollow);
        Files.Fchown(node, entry.Uid, entry.Gid);
        Files.FchmodPath(node, entry.Mode);
        Files.Utimens(parent, name, entry.Modified, entry.Modified);
    }

    private void MakeHardLink(LayerPath path, LayerPath target)
    {
        var (directory, status) = FindTarget(path, target);
        using (directory)
        {
            var existing = Files.TryStatusAt(Parent(path.Parent), path.Name, out _);
            if (existing is not null && existing.Inode == status.Inode && existing.Type == status.Type)
            {
                // They are one file already, perhaps by the very same name.
                return;
            }

            if (tree.IsMerged)
            {
                NoteBroughtUp(LayerTree.PathOf(directory), target.Name);
            }

            if (existing?.Type != FileType.Directory)
            {
                Clear(path, existing);
                Files.LinkAt(directory, target.Name, Parent(path.Parent), path.Name);
                return;
            }
        }

        // Clearing a directory takes the overlay away and with it the target's directory.
        Clear(path, Files.StatusAt(Parent(path.Parent), path.Name));
        using var again = FindTarget(path, target).Directory;
        Files.LinkAt(again, target.Name, Parent(path.Parent), path.Name);
    }

    /// <summary>The directory of a hard link's target, and what the target is.</summary>
    private (FileDescriptor Directory, FileStatus Status) FindTarget(LayerPath path, LayerPath target)
    {
        // First, since it may bring the layers beneath in, through which the target must be found too: no link leads from one
        // mount to another.
        Parent(path.Parent);
        do
        {
            if (!target.IsRoot && TryOpen(target.Parent) is { } directory)
            {
                if (Files.TryStatusAt(directory, target.Name, out _) is { } status && !Whiteout.Is(status))
                {
                    return status.Type != FileType.Directory
                        ? (directory, status)
                        : throw Refuse(directory, $"{path} is a hard link to the directory {target}.");
                }

                directory.Dispose();
            }

            LeaveParent();
        }
        while (tree.Complete());

        throw ImageException.Bad($"{path} is a hard link to {target}, which does not exist.");
    }

    private static ImageException Refuse(FileDescriptor directory, string message)
    {
        directory.Dispose();
        return ImageException.Bad(message);
    }

    /// <summary>Makes room for a new file: what was there goes, with everything beneath.</summary>
    private void Clear(LayerPath path, FileStatus? existing)
    {
        if (existing is null)
        {
            return;
        }

        _isParentStale |= existing.Type is FileType.Symlink or FileType.Directory;
        if (existing.Type != FileType.Directory)
        {
            Files.UnlinkAt(Parent(path.Parent), path.Name);
            if (_broughtUp.Count > 0)
            {
                _broughtUp.Remove($"{LayerTree.PathOf(Parent(path.Parent))}/{path.Name}".TrimStart('/'));
            }

            return;
        }

        InUpper(path.Parent, (directory, place) =>
        {
            if (Files.TryStatusAt(directory, path.Name, out _) is not null)
            {
                DropBroughtUp($"{place}/{path.Name}/".TrimStart('/'));
                tree.Discard(directory, path.Name);
            }

            if (tree.IsMerged)
            {
                Whiteout.Make(directory, path.Name);
            }
        });
    }
}
