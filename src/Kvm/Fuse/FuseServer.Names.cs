using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>LOOKUP, READLINK, SYMLINK, MKNOD, MKDIR, LINK, UNLINK, RMDIR, RENAME, RENAME2.</summary>
internal sealed partial class FuseServer
{
    private const int MostSymlinkLength = 4096;

    private Errno Lookup(FuseRequest request)
    {
        if (!request.TryReadName(out var name))
        {
            return Errno.EINVAL;
        }

        fuse_entry_out entry;
        Errno error;
        if (request.NodeId == FuseConstant.FUSE_ROOT_ID)
        {
            error = EnterExport(_exports.Find(name[..^1]), out entry);
            return error == Errno.None ? request.Reply(entry) : error;
        }

        using var directory = Target(request, forChange: false, out error);
        if (error != Errno.None)
        {
            return error;
        }

        error = Enter(directory, name, out entry);
        if (error == Errno.ENOENT)
        {
            // An entry without a node: that there is none of this name is remembered too.
            entry = default;
            FuseAttributes.SetTimeouts(ref entry, directory.Owner.Export);
            error = Errno.None;
        }

        return error == Errno.None ? request.Reply(entry) : error;
    }

    private Errno ReadSymlink(FuseRequest request)
    {
        using var symlink = Target(request, forChange: false, out var error);
        if (error == Errno.None && symlink.Owner.Type != FileType.Symlink)
        {
            return Errno.EINVAL;
        }

        if (error != Errno.None || (error = FileCalls.ReadSymlink(symlink.File, request.Room(MostSymlinkLength), out var length)) != Errno.None)
        {
            return error;
        }

        request.ReplyRoom(length);
        return Errno.None;
    }

    private Errno MakeSymlink(FuseRequest request)
    {
        if (!request.TryReadName(out var name) || !request.TryReadString(out var target))
        {
            return Errno.EINVAL;
        }

        using var directory = Target(request, forChange: true, out var error);
        if (error == Errno.None)
        {
            using var identity = request.ActAsCaller(out error);
            error = error == Errno.None ? FileCalls.MakeSymlink(target, directory.File, name) : error;
        }

        return error == Errno.None ? ReplyEntry(request, directory, name) : error;
    }

    private Errno MakeNode(FuseRequest request)
    {
        if (!request.TryRead(out fuse_mknod_in arguments) || !request.TryReadName(out var name))
        {
            return Errno.EINVAL;
        }

        using var directory = Target(request, forChange: true, out var error);
        if (error == Errno.None)
        {
            using var identity = request.ActAsCaller(out error);
            error = error == Errno.None
                ? FileCalls.MakeNode(directory.File, name, arguments.mode, FuseAttributes.DecodeDevice(arguments.rdev)) : error;
        }

        return error == Errno.None ? ReplyEntry(request, directory, name) : error;
    }

    private Errno MakeDirectory(FuseRequest request)
    {
        if (!request.TryRead(out fuse_mkdir_in arguments) || !request.TryReadName(out var name))
        {
            return Errno.EINVAL;
        }

        using var directory = Target(request, forChange: true, out var error);
        if (error == Errno.None)
        {
            using var identity = request.ActAsCaller(out error);
            error = error == Errno.None ? FileCalls.MakeDirectory(directory.File, name, arguments.mode) : error;
        }

        return error == Errno.None ? ReplyEntry(request, directory, name) : error;
    }

    private Errno Link(FuseRequest request)
    {
        if (!request.TryRead(out fuse_link_in arguments) || !request.TryReadName(out var name))
        {
            return Errno.EINVAL;
        }

        using var directory = Target(request, forChange: true, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        using var file = Target(arguments.oldnodeid, forChange: true, out error);
        if (error != Errno.None)
        {
            return error;
        }

        error = file.Owner.Export == directory.Owner.Export ? FileCalls.Link(file.File, directory.File, name) : Errno.EXDEV;
        return error == Errno.None ? ReplyEntry(request, directory, name) : error;
    }

    private Errno Unlink(FuseRequest request, bool isDirectory)
    {
        if (!request.TryReadName(out var name))
        {
            return Errno.EINVAL;
        }

        using var directory = Target(request, forChange: true, out var error);
        return error == Errno.None ? FileCalls.Unlink(directory.File, name, isDirectory) : error;
    }

    private Errno Rename(FuseRequest request)
        => request.TryRead(out fuse_rename_in arguments) ? Rename(request, arguments.newdir, RenameFlags.None) : Errno.EINVAL;

    private Errno RenameWithFlags(FuseRequest request)
    {
        const RenameFlags Known = RenameFlags.NoReplace | RenameFlags.Exchange | RenameFlags.Whiteout;
        return request.TryRead(out fuse_rename2_in arguments) && ((RenameFlags)arguments.flags & ~Known) == 0
            ? Rename(request, arguments.newdir, (RenameFlags)arguments.flags) : Errno.EINVAL;
    }

    private Errno Rename(FuseRequest request, ulong newDirectory, RenameFlags flags)
    {
        if (!request.TryReadName(out var name) || !request.TryReadName(out var newName))
        {
            return Errno.EINVAL;
        }

        using var from = Target(request, forChange: true, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        using var to = Target(newDirectory, forChange: true, out error);
        return error != Errno.None ? error
            : from.Owner.Export != to.Owner.Export ? Errno.EXDEV
            : FileCalls.Rename(from.File, name, to.File, newName, flags);
    }

    /// <summary>Tells the guest of a file that was just made.</summary>
    private Errno ReplyEntry(FuseRequest request, Lease<Inode> directory, ReadOnlySpan<byte> name)
    {
        var error = Enter(directory, name, out var entry);
        return error == Errno.None ? request.Reply(entry) : error;
    }

    /// <summary>Looks a name up, and counts that the guest is told of it.</summary>
    private Errno Enter(Lease<Inode> directory, ReadOnlySpan<byte> name, out fuse_entry_out entry)
        => Enter(directory.Owner, directory.File, name, out entry);

    /// <param name="file">A descriptor of the directory.</param>
    private Errno Enter(Inode directory, FileDescriptor file, ReadOnlySpan<byte> name, out fuse_entry_out entry)
    {
        entry = default;
        var error = FileCalls.OpenBeneath(file, name, OpenFlags.Path | OpenFlags.NoFollow, 0, out var path);
        return error == Errno.None ? Enter(directory.Export, path!, directory, out entry, out _) : error;
    }

    /// <param name="path">Of O_PATH; the table's from then on.</param>
    /// <param name="directory">Null for an export's root.</param>
    private Errno Enter(Export export, FileDescriptor path, Inode? directory, out fuse_entry_out entry, out Inode? inode)
    {
        entry = default;
        inode = null;
        var error = FileCalls.Status(path, FileCalls.Itself, out var attributes);
        if (error != Errno.None)
        {
            path.Dispose();
            return error;
        }

        error = _inodes.Add(export, path, attributes, out inode);
        if (error == Errno.None)
        {
            entry = FuseAttributes.Entry(inode!, attributes, IsSubmount(attributes, directory));
        }

        return error;
    }

    private Errno EnterExport(Export? export, out fuse_entry_out entry)
    {
        entry = default;
        if (export is null)
        {
            return Errno.ENOENT;
        }

        FileDescriptor path;
        try
        {
            path = export.Root.Duplicate();
        }
        catch (ObjectDisposedException)
        {
            // Taken away between the look at the table and now.
            return Errno.ENOENT;
        }
        catch (LinuxException e)
        {
            return e.Errno;
        }

        return Enter(export, path, null, out entry, out _);
    }

    /// <summary>
    /// Whether the guest sees a filesystem of its own from here on: an export, or what is mounted within one. So two files are one to its
    /// programs only if they are one here.
    /// </summary>
    private static bool IsSubmount(in InodeAttributes attributes, Inode? directory)
        => attributes.Type == FileType.Directory && (directory is null || attributes.MountId != directory.Identity.MountId);
}
