using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>OPEN, CREATE, TMPFILE, READ, WRITE, FLUSH, FSYNC, RELEASE, FALLOCATE, LSEEK, COPY_FILE_RANGE.</summary>
internal sealed partial class FuseServer
{
    private const OpenFlags AccessMode = OpenFlags.WriteOnly | OpenFlags.ReadWrite;
    private const int SeekData = 3;
    private const int SeekHole = 4;

    private Errno Open(FuseRequest request)
    {
        if (!request.TryRead(out fuse_open_in arguments))
        {
            return Errno.EINVAL;
        }

        var flags = (OpenFlags)arguments.flags;
        using var file = Target(request, Changes(flags), out var error);
        return error == Errno.None ? ReplyOpen(request, file, flags, arguments.open_flags) : error;
    }

    private Errno Create(FuseRequest request)
    {
        if (!request.TryRead(out fuse_create_in arguments) || !request.TryReadName(out var name))
        {
            return Errno.EINVAL;
        }

        using var directory = Target(request, forChange: true, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        // Always O_EXCL: what exists may be a device node, and is opened only after a look at it.
        var flags = (OpenFlags)arguments.flags;
        error = CreateFile(request, directory, name, (flags & AccessMode) | OpenFlags.Create | OpenFlags.Exclusive, arguments.mode, out var created);
        if (error == Errno.None)
        {
            return ReplyCreated(request, directory, created!, flags);
        }

        return error == Errno.EEXIST && (flags & OpenFlags.Exclusive) == 0 ? OpenExisting(request, directory, name, arguments) : error;
    }

    private Errno CreateTemporary(FuseRequest request)
    {
        if (!request.TryRead(out fuse_create_in arguments))
        {
            return Errno.EINVAL;
        }

        using var directory = Target(request, forChange: true, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        var flags = ((OpenFlags)arguments.flags & (AccessMode | OpenFlags.Exclusive)) | OpenFlags.Temporary;
        error = CreateFile(request, directory, ".\0"u8, flags, arguments.mode, out var created);
        return error == Errno.None ? ReplyCreated(request, directory, created!, (OpenFlags)arguments.flags) : error;
    }

    private Errno Read(FuseRequest request)
    {
        if (!request.TryRead(out fuse_read_in arguments) || arguments.offset > long.MaxValue)
        {
            return Errno.EINVAL;
        }

        using var open = _handles.Open(arguments.fh, request.NodeId, isDirectory: false, out var error);
        if (error != Errno.None || (error = FileCalls.Read(open.File, request.TakeOutput(arguments.size), (long)arguments.offset, out var count)) != Errno.None)
        {
            return error;
        }

        request.ReplyData(count);
        return Errno.None;
    }

    private Errno Write(FuseRequest request)
    {
        if (!request.TryRead(out fuse_write_in arguments) || arguments.size > MostData || arguments.offset > long.MaxValue
            || !request.TryTakeInput(arguments.size, out var data))
        {
            return Errno.EINVAL;
        }

        using var open = _handles.Open(arguments.fh, request.NodeId, isDirectory: false, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        // A page that was changed through a mapping has its place, whichever handle the guest's kernel picks to write it with.
        var appends = ((OpenFlags)arguments.flags & OpenFlags.Append) != 0 && (arguments.write_flags & FuseConstant.FUSE_WRITE_CACHE) == 0;
        using var right = SetIdRight.Drop(request.Thread, (arguments.write_flags & FuseConstant.FUSE_WRITE_KILL_SUIDGID) != 0);
        error = FileCalls.Write(open.File, data, (long)arguments.offset, appends, out var count);
        return error == Errno.None ? request.Reply(new fuse_write_out { size = (uint)count }) : error;
    }

    /// <summary>What close(2) of the guest's process tells: errors of writes that a filesystem did not tell before, such as NFS.</summary>
    private Errno Flush(FuseRequest request)
    {
        if (!request.TryRead(out ulong handle))
        {
            return Errno.EINVAL;
        }

        using var open = _handles.Open(handle, request.NodeId, isDirectory: false, out var error);
        return error == Errno.None ? FileCalls.Flush(open.File) : error;
    }

    private Errno Sync(FuseRequest request, bool isDirectory)
    {
        if (!request.TryRead(out fuse_fsync_in arguments))
        {
            return Errno.EINVAL;
        }

        if (request.NodeId == FuseConstant.FUSE_ROOT_ID)
        {
            return Errno.None;
        }

        using var open = _handles.Open(arguments.fh, request.NodeId, isDirectory, out var error);
        return error == Errno.None ? FileCalls.Sync(open.File, (arguments.fsync_flags & FuseConstant.FUSE_FSYNC_FDATASYNC) != 0) : error;
    }

    private Errno Release(FuseRequest request)
    {
        if (!request.TryRead(out fuse_release_in arguments))
        {
            return Errno.EINVAL;
        }

        _handles.Close(arguments.fh, request.NodeId);
        return Errno.None;
    }

    private Errno Allocate(FuseRequest request)
    {
        if (!request.TryRead(out fuse_fallocate_in arguments))
        {
            return Errno.EINVAL;
        }

        using var open = _handles.Open(arguments.fh, request.NodeId, isDirectory: false, out var error);
        return error == Errno.None ? FileCalls.Allocate(open.File, (int)arguments.mode, (long)arguments.offset, (long)arguments.length) : error;
    }

    /// <summary>Where data and holes are; the guest's kernel knows everything else about positions.</summary>
    private Errno Seek(FuseRequest request)
    {
        if (!request.TryRead(out fuse_lseek_in arguments) || arguments.whence is not (SeekData or SeekHole))
        {
            return Errno.EINVAL;
        }

        using var open = _handles.Open(arguments.fh, request.NodeId, isDirectory: false, out var error);
        if (error != Errno.None || (error = FileCalls.Seek(open.File, (long)arguments.offset, (int)arguments.whence, out var position)) != Errno.None)
        {
            return error;
        }

        return request.Reply(new fuse_lseek_out { offset = (ulong)position });
    }

    private Errno CopyRange(FuseRequest request)
    {
        if (!request.TryRead(out fuse_copy_file_range_in arguments) || arguments.flags != 0)
        {
            return Errno.EINVAL;
        }

        using var source = _handles.Open(arguments.fh_in, request.NodeId, isDirectory: false, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        using var target = _handles.Open(arguments.fh_out, arguments.nodeid_out, isDirectory: false, out error);
        if (error != Errno.None)
        {
            return error;
        }

        // Bounded, so that a thread is free again in reasonable time; the guest asks for the rest.
        var length = (long)Math.Min(arguments.len, MostCopied);
        error = FileCalls.CopyRange(source.File, (long)arguments.off_in, target.File, (long)arguments.off_out, length, out var count);
        return error == Errno.None ? request.Reply(new fuse_write_out { size = (uint)count }) : error;
    }

    private static bool Changes(OpenFlags flags) => (flags & (AccessMode | OpenFlags.Truncate)) != 0;

    /// <summary>Opens a regular file or a directory, and nothing else: to open a device or a FIFO is to act.</summary>
    private static Errno Reopen(Lease<Inode> file, OpenFlags flags, out FileDescriptor? opened)
    {
        if (file.Owner.Type is FileType.Regular or FileType.Directory)
        {
            return FileCalls.Reopen(file.File, flags | OpenFlags.NonBlocking | OpenFlags.NoTerminal, out opened);
        }

        opened = null;
        return Errno.ENXIO;
    }

    private static Errno CreateFile(
        FuseRequest request, Lease<Inode> directory, ReadOnlySpan<byte> name, OpenFlags flags, uint mode, out FileDescriptor? created)
    {
        created = null;
        using var identity = request.ActAsCaller(out var error);
        return error == Errno.None
            ? FileCalls.OpenBeneath(directory.File, name, flags | OpenFlags.NoFollow, mode & PermissionBits, out created) : error;
    }

    private Errno OpenExisting(FuseRequest request, Lease<Inode> directory, ReadOnlySpan<byte> name, in fuse_create_in arguments)
    {
        var error = Enter(directory, name, out var entry);
        if (error != Errno.None)
        {
            return error;
        }

        using var file = Target(entry.nodeid, forChange: true, out error);
        if (error == Errno.None)
        {
            request.Reply(entry);
            error = ReplyOpen(request, file, (OpenFlags)arguments.flags, arguments.open_flags);
        }

        return Undo(error, entry.nodeid);
    }

    private Errno ReplyOpen(FuseRequest request, Lease<Inode> file, OpenFlags flags, uint openFlags)
    {
        if (file.Owner.Type != FileType.Regular)
        {
            return file.Owner.Type == FileType.Directory ? Errno.EISDIR : Errno.ENXIO;
        }

        FileDescriptor? opened;
        Errno error;
        using (SetIdRight.Drop(request.Thread, (openFlags & FuseConstant.FUSE_OPEN_KILL_SUIDGID) != 0))
        {
            // Nothing else of what the guest's process asked for concerns the node: appending is told with each write.
            error = Reopen(file, flags & (AccessMode | OpenFlags.Truncate), out opened);
        }

        return error == Errno.None ? ReplyHandle(request, file.Owner, opened!, flags) : error;
    }

    private Errno ReplyCreated(FuseRequest request, Lease<Inode> directory, FileDescriptor created, OpenFlags flags)
    {
        var export = directory.Owner.Export;
        // The descriptor itself tells what was created; the name may mean something else by now.
        var error = FileCalls.Reopen(created, OpenFlags.Path, out var path);
        if (error != Errno.None)
        {
            created.Dispose();
            return error;
        }

        error = Enter(export, path!, directory.Owner, out var entry, out var inode);
        if (error != Errno.None)
        {
            created.Dispose();
            return error;
        }

        request.Reply(entry);
        return Undo(ReplyHandle(request, inode!, created, flags), entry.nodeid);
    }

    private Errno ReplyHandle(FuseRequest request, Inode inode, FileDescriptor opened, OpenFlags flags)
    {
        var error = _handles.Add(inode, opened, out var handle);
        if (error != Errno.None)
        {
            return error;
        }

        var keepsCache = inode.Export.Options.KeepsCache ? FuseConstant.FOPEN_KEEP_CACHE : 0;
        var needsNoFlush = (flags & AccessMode) == 0 ? FuseConstant.FOPEN_NOFLUSH : 0;
        return request.Reply(new fuse_open_out { fh = handle, open_flags = keepsCache | needsNoFlush });
    }

    /// <summary>A guest that hears an error does not know of the file that came with it.</summary>
    private Errno Undo(Errno error, ulong id)
    {
        if (error != Errno.None)
        {
            _inodes.Forget(id, 1);
        }

        return error;
    }
}
