using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>GETATTR, SETATTR, SETXATTR, GETXATTR, LISTXATTR, REMOVEXATTR.</summary>
internal sealed partial class FuseServer
{
    private const int MostAttributeValue = 64 * 1024;
    private const uint DirectoryMode = 0x4000;
    private const uint RootPermissions = 0x16D; // 0555
    private const uint PermissionBits = 0xFFF;

    private Errno GetAttributes(FuseRequest request)
    {
        if (request.NodeId == FuseConstant.FUSE_ROOT_ID)
        {
            return request.Reply(new fuse_attr_out
            {
                attr = new fuse_attr { ino = FuseConstant.FUSE_ROOT_ID, mode = DirectoryMode | RootPermissions, nlink = 2, blksize = PageSize },
            });
        }

        using var file = Target(request, forChange: false, out var error);
        return error == Errno.None ? ReplyAttributes(request, file) : error;
    }

    private static Errno ReplyAttributes(FuseRequest request, Lease<Inode> file)
    {
        var error = FileCalls.Status(file.File, FileCalls.Itself, out var attributes);
        return error == Errno.None ? request.Reply(FuseAttributes.Reply(file.Owner.Export, attributes)) : error;
    }

    private Errno SetAttributes(FuseRequest request)
    {
        if (!request.TryRead(out fuse_setattr_in arguments))
        {
            return Errno.EINVAL;
        }

        using var file = Target(request, forChange: true, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        var valid = (FuseSetAttributes)arguments.valid;
        // The owner first: to change it takes set-id bits away, which the mode of the same request may want.
        if ((valid & (FuseSetAttributes.UID | FuseSetAttributes.GID)) != 0)
        {
            error = FileCalls.Chown(
                file.File,
                (valid & FuseSetAttributes.UID) != 0 ? arguments.uid : uint.MaxValue,
                (valid & FuseSetAttributes.GID) != 0 ? arguments.gid : uint.MaxValue);
        }

        if (error == Errno.None && (valid & FuseSetAttributes.MODE) != 0)
        {
            error = file.Owner.Type == FileType.Symlink ? Errno.EOPNOTSUPP : FileCalls.Chmod(file.File, arguments.mode & PermissionBits);
        }

        if (error == Errno.None && (valid & FuseSetAttributes.SIZE) != 0)
        {
            error = Truncate(request, file, arguments, valid);
        }

        if (error == Errno.None && (valid & (FuseSetAttributes.ATIME | FuseSetAttributes.MTIME)) != 0)
        {
            error = FileCalls.SetTimes(
                file.File,
                Time(valid, FuseSetAttributes.ATIME, FuseSetAttributes.ATIME_NOW, arguments.atime, arguments.atimensec),
                Time(valid, FuseSetAttributes.MTIME, FuseSetAttributes.MTIME_NOW, arguments.mtime, arguments.mtimensec));
        }

        return error == Errno.None ? ReplyAttributes(request, file) : error;
    }

    private Errno Truncate(FuseRequest request, Lease<Inode> file, in fuse_setattr_in arguments, FuseSetAttributes valid)
    {
        if (arguments.size > long.MaxValue)
        {
            return Errno.EFBIG;
        }

        var killsSetId = (valid & FuseSetAttributes.KILL_SUIDGID) != 0;
        if ((valid & FuseSetAttributes.FH) != 0)
        {
            using var open = _handles.Open(arguments.fh, request.NodeId, isDirectory: false, out var error);
            return error == Errno.None ? Truncate(request, open.File, (long)arguments.size, killsSetId) : error;
        }

        var reopening = Reopen(file, OpenFlags.WriteOnly, out var opened);
        if (reopening != Errno.None)
        {
            return reopening;
        }

        using (opened)
        {
            return Truncate(request, opened!, (long)arguments.size, killsSetId);
        }
    }

    private static Errno Truncate(FuseRequest request, FileDescriptor file, long size, bool killsSetId)
    {
        using var right = SetIdRight.Drop(request.Thread, killsSetId);
        return FileCalls.Truncate(file, size);
    }

    private static Timestamp Time(FuseSetAttributes valid, FuseSetAttributes set, FuseSetAttributes now, ulong seconds, uint nanoseconds)
        => (valid & set) == 0 ? Timestamp.Omit
            : (valid & now) != 0 ? Timestamp.Now
            : new Timestamp((long)seconds, Math.Min(nanoseconds, 999_999_999));

    private Errno SetExtendedAttribute(FuseRequest request)
    {
        // Without SETXATTR_EXT struct fuse_setxattr_in ends after its first two members.
        if (!request.TryRead(out uint size) || !request.TryRead(out uint flags)
            || !request.TryReadString(out var name) || !request.TryReadBytes(size, out var value))
        {
            return Errno.EINVAL;
        }

        if (!IsShared(name))
        {
            return Errno.EOPNOTSUPP;
        }

        using var file = Target(request, forChange: true, out var error);
        return error == Errno.None ? FileCalls.SetAttribute(file.File, name, value, (int)flags) : error;
    }

    private Errno GetExtendedAttribute(FuseRequest request)
    {
        if (!request.TryRead(out fuse_getxattr_in arguments) || !request.TryReadString(out var name))
        {
            return Errno.EINVAL;
        }

        if (!IsShared(name))
        {
            return Errno.EOPNOTSUPP;
        }

        using var file = Target(request, forChange: false, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        var room = arguments.size == 0 ? default : request.Room((int)Math.Min(arguments.size, MostAttributeValue));
        error = FileCalls.GetAttribute(file.File, name, room, out var length);
        return error == Errno.None ? ReplySized(request, arguments.size, length) : error;
    }

    private Errno ListExtendedAttributes(FuseRequest request)
    {
        if (!request.TryRead(out fuse_getxattr_in arguments))
        {
            return Errno.EINVAL;
        }

        using var file = Target(request, forChange: false, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        var list = request.Room(MostAttributeValue);
        error = FileCalls.ListAttributes(file.File, list, out var length);
        if (error != Errno.None)
        {
            return error;
        }

        length = KeepShared(list[..length]);
        return arguments.size != 0 && length > arguments.size ? Errno.ERANGE : ReplySized(request, arguments.size, length);
    }

    private Errno RemoveExtendedAttribute(FuseRequest request)
    {
        if (!request.TryReadString(out var name))
        {
            return Errno.EINVAL;
        }

        if (!IsShared(name))
        {
            return Errno.EOPNOTSUPP;
        }

        using var file = Target(request, forChange: true, out var error);
        return error == Errno.None ? FileCalls.RemoveAttribute(file.File, name) : error;
    }

    /// <summary>The value itself, or only its length for a guest that asked with a size of 0.</summary>
    private static Errno ReplySized(FuseRequest request, uint size, int length)
    {
        if (size == 0)
        {
            return request.Reply(new fuse_getxattr_out { size = (uint)length });
        }

        request.ReplyRoom(length);
        return Errno.None;
    }

    /// <summary>
    /// Attributes that programs in a container have business with. Others mean something to the node: an overlay's (trusted.overlay), or
    /// to its security modules.
    /// </summary>
    private static bool IsShared(ReadOnlySpan<byte> name) => name.StartsWith("user."u8) || name.SequenceEqual("security.capability\0"u8);

    private static int KeepShared(Span<byte> list)
    {
        var kept = 0;
        for (int at = 0, length; at < list.Length; at += length)
        {
            length = list[at..].IndexOf((byte)0) + 1;
            if (length == 0)
            {
                break;
            }

            if (IsShared(list.Slice(at, length)))
            {
                list.Slice(at, length).CopyTo(list[kept..]);
                kept += length;
            }
        }

        return kept;
    }
}
