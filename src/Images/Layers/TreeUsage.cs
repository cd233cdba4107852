using Crisp.Linux;

namespace Crisp.Images.Layers;

/// <summary>What a directory and everything beneath takes on the disk.</summary>
/// <param name="Bytes">Allocated blocks, each inode once.</param>
/// <param name="Inodes">The directory itself included.</param>
internal readonly record struct TreeUsage(long Bytes, long Inodes)
{
    // As many as one path can name (PATH_MAX / 2): deeper ones only come from symlinks that lead on and on.
    private const int MaxPath = 4096;
    private const int BlockSize = 512;

    public static TreeUsage operator +(TreeUsage a, TreeUsage b) => new(a.Bytes + b.Bytes, a.Inodes + b.Inodes);

    /// <remarks>What goes away meanwhile is not counted.</remarks>
    /// <exception cref="ImageException">The tree is deeper than a path is long.</exception>
    internal static TreeUsage Measure(FileDescriptor top)
    {
        const ResolveFlags Inside = ResolveFlags.Beneath | ResolveFlags.NoSymlinks | ResolveFlags.NoCrossDevice;
        var usage = Of(Files.Status(top));
        var linked = new HashSet<ulong>();
        var pending = new Stack<string>(["."]);
        while (pending.TryPop(out var path))
        {
            using var directory = Files.TryOpenAt2(top, path, OpenFlags.Directory | OpenFlags.NoFollow, Inside, 0, out var errno);
            if (directory is null && errno != Errno.ENOENT)
            {
                throw new LinuxException("openat2", errno, path);
            }

            foreach (var name in directory is null ? [] : Files.ReadDirectory(directory))
            {
                if (Files.TryStatusAt(directory!, name, out _) is not { } status)
                {
                    continue;
                }

                if (status.Links == 1 || status.Type == FileType.Directory || linked.Add(status.Inode))
                {
                    usage += Of(status);
                }

                if (status.Type == FileType.Directory)
                {
                    pending.Push(Join(path, name));
                }
            }
        }

        return usage;
    }

    /// <summary>One file.</summary>
    internal static TreeUsage Of(FileStatus status) => new(status.Blocks * BlockSize, 1);

    private static string Join(string path, string name)
    {
        var joined = path == "." ? name : $"{path}/{name}";
        return LinuxPath.Encode(joined).Length < MaxPath
            ? joined
            : throw ImageException.Bad("The layer has directories so deep that no path can name them.");
    }
}
