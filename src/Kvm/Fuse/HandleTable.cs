using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>A file or directory that the guest has open.</summary>
/// <param name="inode">Which it is: a request must name both.</param>
internal sealed class OpenFile(Inode inode, FileDescriptor file)
{
    internal Inode Inode => inode;

    internal FileDescriptor File => file;

    internal bool IsDirectory => inode.Type == FileType.Directory;

    /// <summary>Of a directory: held while it is read, since its position belongs to all who read.</summary>
    internal Lock Reading { get; } = new();

    /// <summary>Of a directory: where it stands, as its filesystem counts.</summary>
    internal long Position { get; set; }
}

/// <summary>What the guest has open, by the numbers it was given. From any thread.</summary>
internal sealed class HandleTable(int most)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, OpenFile> _files = [];
    private ulong _lastHandle;

    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _files.Count;
            }
        }
    }

    /// <param name="file">The table's from then on.</param>
    internal Errno Add(Inode inode, FileDescriptor file, out ulong handle)
    {
        lock (_lock)
        {
            handle = 0;
            if (inode.Export.IsRemoved || _files.Count == most)
            {
                file.Dispose();
                return inode.Export.IsRemoved ? Errno.ESTALE : Errno.EMFILE;
            }

            handle = ++_lastHandle;
            _files.Add(handle, new OpenFile(inode, file));
            return Errno.None;
        }
    }

    /// <summary>The open file, for as long as it takes.</summary>
    internal Lease<OpenFile> Open(ulong handle, ulong inode, bool isDirectory, out Errno error)
    {
        lock (_lock)
        {
            if (!_files.TryGetValue(handle, out var file) || file.Inode.Id != inode || file.IsDirectory != isDirectory)
            {
                error = Errno.EBADF;
                return default;
            }

            error = file.Inode.Export.IsRemoved ? Errno.ESTALE : Errno.None;
            return error == Errno.None ? new Lease<OpenFile>(file, file.File) : default;
        }
    }

    internal void Close(ulong handle, ulong inode)
    {
        lock (_lock)
        {
            if (_files.TryGetValue(handle, out var file) && file.Inode.Id == inode)
            {
                _files.Remove(handle);
                file.File.Dispose();
            }
        }
    }

    /// <summary>Closes what belongs to the export. The guest may go on to use and close the numbers.</summary>
    internal void Close(Export export)
    {
        lock (_lock)
        {
            foreach (var file in _files.Values)
            {
                if (file.Inode.Export == export)
                {
                    file.File.Dispose();
                }
            }
        }
    }

    internal void Clear()
    {
        lock (_lock)
        {
            foreach (var file in _files.Values)
            {
                file.File.Dispose();
            }

            _files.Clear();
        }
    }
}
