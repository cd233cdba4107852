using Crisp.Kvm.Devices.Virtio;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>
/// A server of the FUSE protocol (linux/fuse.h, version 7.31 and later) whose root directory is a table of exports. Requests are handled
/// at once on as many threads as there are.
/// </summary>
/// <remarks>
/// The guest is not trusted. It names files by numbers that are looked up in tables, and names within a directory that are one component
/// each; the kernel resolves them beneath a descriptor and follows no symlink. What is neither a directory nor a regular file is never
/// opened, so a device node that a guest makes reaches no device of the node's.
/// Permissions are the guest kernel's to check (it mounts virtiofs with default_permissions); read-only exports are this server's.
/// Locks are the guest's own too (POSIX_LOCKS and FLOCK_LOCKS are not accepted): they work between its processes, not between guests, and
/// no thread of the server waits for one.
/// Capabilities it needs of the node: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETUID, CAP_SETGID,
/// CAP_MKNOD and CAP_SETFCAP.
/// </remarks>
internal sealed partial class FuseServer : IDisposable
{
    /// <summary>Bytes that one read or write transfers.</summary>
    internal const uint MostData = MostPages * PageSize;

    private const ulong MostCopied = 64 << 20;
    private const ushort MostPages = 256;
    private const uint PageSize = 4096;

    private readonly ExportTable _exports;
    private readonly InodeTable _inodes;
    private readonly HandleTable _handles;
    private volatile bool _hasSession;

    /// <param name="exports">The server's from then on.</param>
    internal FuseServer(ExportTable exports, FuseLimits limits)
    {
        (_exports, _inodes, _handles) = (exports, new InodeTable(limits.Inodes), new HandleTable(limits.Handles));
        exports.Removed += Close;
    }

    /// <summary>How many files the guest knows.</summary>
    internal int Inodes => _inodes.Count;

    /// <summary>How many files it has open.</summary>
    internal int Handles => _handles.Count;

    /// <summary>Carries out the request in a chain and writes its reply there.</summary>
    /// <param name="request">The calling thread's own.</param>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="VirtioException">The chain is no request.</exception>
    internal uint Handle(FuseRequest request, DescriptorChain chain)
    {
        if (!request.Load(chain))
        {
            return request.Complete(Errno.EINVAL);
        }

        return request.Complete(_hasSession || request.Opcode == FuseOpcode.INIT ? Dispatch(request) : Errno.EIO);
    }

    /// <summary>As <see cref="Handle"/>, for what may not wait for a disk: everything but forgets and interrupts is refused.</summary>
    internal uint HandleUrgent(FuseRequest request, DescriptorChain chain)
    {
        var isWhole = request.Load(chain);
        return request.Complete(isWhole && !request.HasReply ? Dispatch(request) : Errno.EINVAL);
    }

    /// <summary>Forgets all that the guest knows and has open: it starts anew.</summary>
    internal void EndSession()
    {
        _hasSession = false;
        _handles.Clear();
        _inodes.Clear();
    }

    public void Dispose()
    {
        EndSession();
        _exports.Dispose();
    }

    private Errno Dispatch(FuseRequest request) => request.Opcode switch
    {
        FuseOpcode.INIT => Init(request),
        FuseOpcode.DESTROY => Destroy(),
        FuseOpcode.FORGET => Forget(request),
        FuseOpcode.BATCH_FORGET => ForgetMany(request),
        FuseOpcode.INTERRUPT => Errno.None,
        FuseOpcode.STATFS => FilesystemStatus(request),
        FuseOpcode.SYNCFS => SyncFilesystem(request),

        FuseOpcode.LOOKUP => Lookup(request),
        FuseOpcode.READLINK => ReadSymlink(request),
        FuseOpcode.SYMLINK => MakeSymlink(request),
        FuseOpcode.MKNOD => MakeNode(request),
        FuseOpcode.MKDIR => MakeDirectory(request),
        FuseOpcode.LINK => Link(request),
        FuseOpcode.UNLINK => Unlink(request, isDirectory: false),
        FuseOpcode.RMDIR => Unlink(request, isDirectory: true),
        FuseOpcode.RENAME => Rename(request),
        FuseOpcode.RENAME2 => RenameWithFlags(request),

        FuseOpcode.GETATTR => GetAttributes(request),
        FuseOpcode.SETATTR => SetAttributes(request),
        FuseOpcode.SETXATTR => SetExtendedAttribute(request),
        FuseOpcode.GETXATTR => GetExtendedAttribute(request),
        FuseOpcode.LISTXATTR => ListExtendedAttributes(request),
        FuseOpcode.REMOVEXATTR => RemoveExtendedAttribute(request),

        FuseOpcode.OPEN => Open(request),
        FuseOpcode.CREATE => Create(request),
        FuseOpcode.TMPFILE => CreateTemporary(request),
        FuseOpcode.READ => Read(request),
        FuseOpcode.WRITE => Write(request),
        FuseOpcode.FLUSH => Flush(request),
        FuseOpcode.FSYNC => Sync(request, isDirectory: false),
        FuseOpcode.RELEASE => Release(request),
        FuseOpcode.FALLOCATE => Allocate(request),
        FuseOpcode.LSEEK => Seek(request),
        FuseOpcode.COPY_FILE_RANGE => CopyRange(request),

        FuseOpcode.OPENDIR => OpenDirectory(request),
        FuseOpcode.READDIR => ReadDirectory(request, isPlus: false),
        FuseOpcode.READDIRPLUS => ReadDirectory(request, isPlus: true),
        FuseOpcode.FSYNCDIR => Sync(request, isDirectory: true),
        FuseOpcode.RELEASEDIR => Release(request),

        // ACCESS: the guest's kernel checks permissions itself. GETLK, SETLK, SETLKW: locks are its own. IOCTL, POLL, BMAP: not for files.
        _ => Errno.ENOSYS,
    };

    /// <summary>The file that the request is about.</summary>
    private Lease<Inode> Target(FuseRequest request, bool forChange, out Errno error) => Target(request.NodeId, forChange, out error);

    private Lease<Inode> Target(ulong id, bool forChange, out Errno error)
    {
        if (id != FuseConstant.FUSE_ROOT_ID)
        {
            return _inodes.Open(id, forChange, out error);
        }

        // The root has nothing but exports in it, which the node adds.
        error = forChange ? Errno.EROFS : Errno.EOPNOTSUPP;
        return default;
    }

    private void Close(Export export)
    {
        _handles.Close(export);
        _inodes.Close(export);
    }
}
