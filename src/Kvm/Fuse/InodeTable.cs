using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>The files that the guest knows, by the numbers it knows them by. From any thread.</summary>
internal sealed class InodeTable(int most)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Inode> _byId = [];
    private readonly Dictionary<FileIdentity, Inode> _byIdentity = [];
    private ulong _lastId = Interop.Fuse.FuseConstant.FUSE_ROOT_ID;

    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _byId.Count;
            }
        }
    }

    /// <summary>A file that the guest is about to be told of: one more lookup.</summary>
    /// <param name="path">A descriptor of O_PATH, which is the table's from then on.</param>
    /// <param name="attributes">Those of the descriptor.</param>
    internal Errno Add(Export export, FileDescriptor path, in InodeAttributes attributes, out Inode? inode)
    {
        var identity = FileIdentity.Of(export, attributes);
        lock (_lock)
        {
            if (export.IsRemoved)
            {
                path.Dispose();
                inode = null;
                return Errno.ESTALE;
            }

            if (_byIdentity.TryGetValue(identity, out inode))
            {
                path.Dispose();
            }
            else if (_byId.Count == most)
            {
                path.Dispose();
                return Errno.ENOMEM;
            }
            else
            {
                inode = new Inode(++_lastId, identity, attributes.Type, path);
                _byId.Add(inode.Id, inode);
                _byIdentity.Add(identity, inode);
            }

            inode.Lookups++;
            return Errno.None;
        }
    }

    /// <summary>The file itself, for as long as it takes.</summary>
    internal Lease<Inode> Open(ulong id, bool forChange, out Errno error)
    {
        lock (_lock)
        {
            error = !_byId.TryGetValue(id, out var inode) || inode.Export.IsRemoved ? Errno.ESTALE
                : forChange && inode.Export.Options.IsReadOnly ? Errno.EROFS
                : Errno.None;
            return error == Errno.None ? new Lease<Inode>(inode!, inode!.Path) : default;
        }
    }

    /// <summary>The guest forgets lookups; more than there were count as all.</summary>
    internal void Forget(ulong id, ulong lookups)
    {
        lock (_lock)
        {
            if (!_byId.TryGetValue(id, out var inode))
            {
                return;
            }

            inode.Lookups -= Math.Min(inode.Lookups, lookups);
            if (inode.Lookups == 0)
            {
                Remove(inode);
            }
        }
    }

    /// <summary>Closes what belongs to the export. The guest may go on to use and forget the numbers.</summary>
    internal void Close(Export export)
    {
        lock (_lock)
        {
            foreach (var inode in _byId.Values)
            {
                if (inode.Export == export)
                {
                    inode.Path.Dispose();
                }
            }
        }
    }

    internal void Clear()
    {
        lock (_lock)
        {
            foreach (var inode in _byId.Values)
            {
                inode.Path.Dispose();
            }

            _byId.Clear();
            _byIdentity.Clear();
        }
    }

    private void Remove(Inode inode)
    {
        inode.Path.Dispose();
        _byId.Remove(inode.Id);
        _byIdentity.Remove(inode.Identity);
    }
}
