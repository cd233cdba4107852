using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>INIT, DESTROY, FORGET, BATCH_FORGET, STATFS, SYNCFS.</summary>
internal sealed partial class FuseServer
{
    // Linux 5.7's: the first whose structures are all that this server knows.
    private const uint OldestMinor = 31;
    private const uint Minor = 38;

    // Requests that the guest's kernel makes ahead of its processes, such as for data they will read.
    private const ushort MostBackground = 64;
    private const ushort CongestionThreshold = 48;

    // No WRITEBACK_CACHE: what a process has written is on the node, where the pod's other readers are. No POSIX_ACL: the guest does not
    // evaluate ACLs of the node's files. No DONT_MASK: the guest applies umasks. HANDLE_KILLPRIV_V2: set-id bits and capabilities of files
    // are taken away here, by the node's kernel, instead of with requests of their own before each write.
    private const FuseInitFlags Accepted = FuseInitFlags.ASYNC_READ | FuseInitFlags.ATOMIC_O_TRUNC | FuseInitFlags.BIG_WRITES
        | FuseInitFlags.AUTO_INVAL_DATA | FuseInitFlags.DO_READDIRPLUS | FuseInitFlags.READDIRPLUS_AUTO | FuseInitFlags.ASYNC_DIO
        | FuseInitFlags.PARALLEL_DIROPS | FuseInitFlags.MAX_PAGES | FuseInitFlags.CACHE_SYMLINKS | FuseInitFlags.SUBMOUNTS
        | FuseInitFlags.HANDLE_KILLPRIV_V2;

    private Errno Init(FuseRequest request)
    {
        if (!request.TryRead(out fuse_init_in arguments))
        {
            return Errno.EINVAL;
        }

        if (arguments.major > FuseConstant.FUSE_KERNEL_VERSION)
        {
            // The protocol's rule: the guest asks once more with the version it is told.
            return request.Reply(new fuse_init_out { major = FuseConstant.FUSE_KERNEL_VERSION, minor = Minor });
        }

        if (arguments.major < FuseConstant.FUSE_KERNEL_VERSION || arguments.minor < OldestMinor)
        {
            return Errno.EPROTO;
        }

        EndSession();
        _hasSession = true;
        return request.Reply(new fuse_init_out
        {
            major = FuseConstant.FUSE_KERNEL_VERSION,
            minor = Minor,
            max_readahead = Math.Min(arguments.max_readahead, MostData),
            flags = arguments.flags & (uint)Accepted,
            max_background = MostBackground,
            congestion_threshold = CongestionThreshold,
            max_write = MostData,
            time_gran = 1,
            max_pages = MostPages,
        });
    }

    private Errno Destroy()
    {
        EndSession();
        return Errno.None;
    }

    private Errno Forget(FuseRequest request)
    {
        if (request.TryRead(out fuse_forget_in arguments))
        {
            _inodes.Forget(request.NodeId, arguments.nlookup);
        }

        return Errno.None;
    }

    private Errno ForgetMany(FuseRequest request)
    {
        if (request.TryRead(out fuse_batch_forget_in arguments))
        {
            for (var left = arguments.count; left > 0 && request.TryRead(out fuse_forget_one one); left--)
            {
                _inodes.Forget(one.nodeid, one.nlookup);
            }
        }

        return Errno.None;
    }

    private Errno FilesystemStatus(FuseRequest request)
    {
        if (request.NodeId == FuseConstant.FUSE_ROOT_ID)
        {
            return request.Reply(new fuse_statfs_out { st = new fuse_kstatfs { bsize = PageSize, frsize = PageSize, namelen = ExportTable.MostNameLength } });
        }

        using var file = Target(request, forChange: false, out var error);
        if (error != Errno.None || (error = FileCalls.FilesystemStatus(file.File, out var status)) != Errno.None)
        {
            return error;
        }

        return request.Reply(new fuse_statfs_out
        {
            st = new fuse_kstatfs
            {
                blocks = status.Blocks,
                bfree = status.Free,
                bavail = status.Available,
                files = status.Inodes,
                ffree = status.FreeInodes,
                bsize = status.BlockSize,
                namelen = status.NameLength,
                frsize = status.FragmentSize,
            },
        });
    }

    private Errno SyncFilesystem(FuseRequest request)
    {
        if (request.NodeId == FuseConstant.FUSE_ROOT_ID)
        {
            return Errno.None;
        }

        using var file = Target(request, forChange: false, out var error);
        if (error != Errno.None || (error = Reopen(file, OpenFlags.ReadOnly, out var opened)) != Errno.None)
        {
            return error;
        }

        using (opened)
        {
            return FileCalls.SyncFilesystem(opened!);
        }
    }
}
