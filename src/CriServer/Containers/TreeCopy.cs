using Crisp.Linux;

namespace Crisp.CriServer.Containers;

/// <summary>
/// Copies what an image has at a VOLUME into the container's own directory. The image's path is walked with
/// RESOLVE_IN_ROOT: a symlink in it leads to where it would inside the container, never to the node (CVE-2022-23648).
/// </summary>
public static class TreeCopy
{
    private const int MaxDepth = 256;
    private const int ChunkBytes = 128 << 10;

    /// <summary>Copies the directory <paramref name="path"/> of the rootfs into the empty <paramref name="directory"/>.</summary>
    /// <param name="path">Absolute in the container. Missing, or no directory: nothing is copied.</param>
    public static void Copy(FileDescriptor rootfs, string path, string directory)
    {
        const OpenFlags Flags = OpenFlags.Directory;
        using var source = Files.TryOpenAt2(rootfs, path, Flags, ResolveFlags.InRoot | ResolveFlags.NoMagicLinks, 0, out var errno);
        if (source is null)
        {
            if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP)
            {
                return;
            }

            throw new LinuxException("openat2", errno, path);
        }

        using var target = Files.Open(directory, OpenFlags.Directory | OpenFlags.NoFollow);
        CopyDirectory(source, target, 0);
    }

    private static void CopyDirectory(FileDescriptor source, FileDescriptor target, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new LinuxException("openat2", Errno.ENAMETOOLONG, "a VOLUME of the image with more than 256 levels of directories");
        }

        foreach (var name in Files.ReadDirectory(source))
        {
            var status = Files.StatusAt(source, name);
            switch (status.Type)
            {
                case FileType.Directory:
                    Files.MkdirAt(target, name, 0x1C0);
                    using (var from = Files.OpenAt(source, name, OpenFlags.Directory | OpenFlags.NoFollow))
                    using (var to = Files.OpenAt(target, name, OpenFlags.Directory | OpenFlags.NoFollow))
                    {
                        CopyDirectory(from, to, depth + 1);
                    }

                    break;
                case FileType.Regular:
                    CopyFile(source, target, name, status);
                    break;
                case FileType.Symlink:
                    Files.SymlinkAt(Files.ReadlinkAt(source, name), target, name);
                    Files.ChownAt(target, name, status.Uid, status.Gid);
                    break;
                default:
                    // Devices, sockets and pipes in an image's volume are nobody's data.
                    break;
            }
        }

        CopyAttributes(source, target, Files.Status(source));
    }

    private static void CopyFile(FileDescriptor source, FileDescriptor target, string name, FileStatus status)
    {
        using var from = Files.OpenAt(source, name, OpenFlags.ReadOnly | OpenFlags.NoFollow);
        using var to = Files.OpenAt(target, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, 0x180);
        var chunk = new byte[(int)Math.Clamp(status.Size, 1, ChunkBytes)];
        for (int count; (count = Files.Read(from, chunk)) > 0;)
        {
            Files.WriteAll(to, chunk.AsSpan(0, count));
        }

        CopyAttributes(from, to, status);
    }

    // Owner before mode: a change of owner clears the set-id bits.
    private static void CopyAttributes(FileDescriptor source, FileDescriptor target, FileStatus status)
    {
        Files.Fchown(target, status.Uid, status.Gid);
        Files.Fchmod(target, status.Permissions);
        foreach (var attribute in Files.ListXattrs(source).Where(a => a.StartsWith("user.", StringComparison.Ordinal) || a == "security.capability"))
        {
            if (Files.GetXattr(source, attribute) is { } value)
            {
                Files.SetXattr(target, attribute, value);
            }
        }

        Files.Utimens(target, "", status.Accessed, status.Modified);
    }
}
