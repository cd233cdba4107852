using System.Buffers;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>What a directory tree takes on its filesystem.</summary>
/// <param name="Bytes">Allocated, not apparent: st_blocks × 512. A file with several names in the tree counts once.</param>
/// <param name="Inodes">The tree's own root is among them.</param>
public sealed record DiskUsage(ulong Bytes, ulong Inodes)
{
    // A file beyond that many hard-linked ones is counted by each of its names: more disk than there is, never less, and the
    // memory of a walk stays small whatever lies in the tree.
    private const int MostLinks = 100_000;
    private const int Tries = 3;

    // Levels to which the walk comes back by descriptor, wherever they have been moved to; below these by "..".
    private const int HeldLevels = 64;

    /// <summary>
    /// Walks the tree like fts(3): no symlink is followed and no filesystem is left, and neither depth nor width is too much.
    /// Where directories deep down are moved meanwhile it walks again, at most three times, and the largest count stands.
    /// </summary>
    /// <param name="limit">Entries after which the walk ends without a result.</param>
    /// <returns>Null when the limit was reached, or the token was cancelled.</returns>
    /// <exception cref="LinuxException">The root cannot be opened or read; what vanishes beneath it is no error.</exception>
    public static DiskUsage? Measure(string path, ulong limit = ulong.MaxValue, CancellationToken cancellation = default)
    {
        using var root = Files.Open(path, OpenFlags.Directory | OpenFlags.NoFollow);
        DiskUsage? most = null;
        for (var tries = 0; tries < Tries; tries++)
        {
            var walk = new Walk(Files.Status(root), limit);
            if (walk.Run(root, cancellation) is not { } usage)
            {
                return null;
            }

            most = most is null || usage.Bytes > most.Bytes ? usage : most;
            if (!walk.Disturbed)
            {
                break;
            }
        }

        return most;
    }

    private sealed class Walk(FileStatus root, ulong limit)
    {
        private readonly Stack<(FileDescriptor? Directory, ulong Inode, long Position)> _above = new();
        private readonly HashSet<ulong> _linked = [];
        private ulong _blocks = (ulong)root.Blocks;
        private ulong _inodes = 1;

        /// <summary>Whether a directory was moved away while the walk was in it, so that something may be missing.</summary>
        public bool Disturbed { get; private set; }

        public DiskUsage? Run(FileDescriptor top, CancellationToken cancellation)
        {
            var current = top.Duplicate();
            var inode = root.Inode;
            var buffer = ArrayPool<byte>.Shared.Rent(32 * 1024);
            try
            {
                Files.Seek(current, 0);
                while (true)
                {
                    if (_inodes > limit || cancellation.IsCancellationRequested)
                    {
                        return null;
                    }

                    if (TryReadOne(current, buffer, out var child, out var position))
                    {
                        if (child is not null)
                        {
                            Descend(current, inode, position);
                            current = child;
                            inode = Files.Status(child).Inode;
                        }

                        continue;
                    }

                    if (_above.Count == 0)
                    {
                        return new DiskUsage(_blocks * 512, _inodes);
                    }

                    (current, inode) = Ascend(current);
                }
            }
            finally
            {
                current.Dispose();
                foreach (var frame in _above)
                {
                    frame.Directory?.Dispose();
                }

                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        /// <summary>Counts one buffer of entries, up to the first directory, which is opened.</summary>
        /// <param name="position">Where to go on in this directory after that one.</param>
        /// <returns>False at the directory's end.</returns>
        private bool TryReadOne(FileDescriptor directory, byte[] buffer, out FileDescriptor? child, out long position)
        {
            child = null;
            position = 0;
            var length = Files.TryReadEntries(directory, buffer, out var errno);
            if (length <= 0)
            {
                // ENOENT: removed while it was being read.
                return errno is Errno.None or Errno.ENOENT ? false : throw Check.Error("getdents64", errno, directory);
            }

            for (var rest = buffer.AsSpan(0, length); DirectoryEntry.TryTake(ref rest, out var entry);)
            {
                if (!entry.IsDot && Count(directory, entry.Name[..^1]) is { } opened)
                {
                    child = opened;
                    position = entry.Offset;
                    return true;
                }
            }

            return true;
        }

        /// <returns>The entry, opened, where it is a directory of this filesystem.</returns>
        private FileDescriptor? Count(FileDescriptor directory, ReadOnlySpan<byte> name)
        {
            var text = LinuxPath.Decode(name);
            if (Files.TryStatusAt(directory, text, out _) is not { } status
                || status.Filesystem != root.Filesystem
                || (status.Links > 1 && status.Type != FileType.Directory && _linked.Count < MostLinks && !_linked.Add(status.Inode)))
            {
                return null;
            }

            _inodes++;
            _blocks += (ulong)status.Blocks;
            return status.Type == FileType.Directory
                ? Files.TryOpenAt2(directory, text, OpenFlags.Directory | OpenFlags.NoFollow, ResolveFlags.NoCrossDevice, 0, out _)
                : null;
        }

        private void Descend(FileDescriptor directory, ulong inode, long position)
        {
            if (_above.Count < HeldLevels)
            {
                _above.Push((directory, inode, position));
            }
            else
            {
                directory.Dispose();
                _above.Push((null, inode, position));
            }
        }

        private (FileDescriptor Directory, ulong Inode) Ascend(FileDescriptor current)
        {
            var frame = _above.Pop();
            var parent = frame.Directory ?? Parent(current, frame.Inode);
            current.Dispose();
            while (parent is null)
            {
                // Moved away: what is left of it is met where it lies now, or on the next walk.
                Disturbed = true;
                frame = _above.Pop();
                parent = frame.Directory;
            }

            Files.Seek(parent, frame.Position);
            return (parent, frame.Inode);
        }

        // "..", where that still is what it was.
        private FileDescriptor? Parent(FileDescriptor current, ulong inode)
        {
            var parent = Files.TryOpenAt2(current, "..", OpenFlags.Directory, ResolveFlags.NoCrossDevice, 0, out _);
            if (parent is not null && Files.Status(parent) is var status && status.Inode == inode && status.Filesystem == root.Filesystem)
            {
                return parent;
            }

            parent?.Dispose();
            return null;
        }
    }
}
