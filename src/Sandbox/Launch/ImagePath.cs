using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Launch;

/// <summary>Paths in a container, and where they lead in its image before it runs.</summary>
internal static class ImagePath
{
    // As the kernel has it, MAXSYMLINKS.
    private const int MostSymlinks = 40;

    /// <summary>Without leading, double and trailing slashes and dots.</summary>
    /// <exception cref="SandboxException">InvalidArgument: ".." in it, or nothing but the root.</exception>
    internal static string Normalize(string path, string what)
    {
        var parts = new List<string>();
        foreach (var part in path.Split('/'))
        {
            if (part == "..")
            {
                throw new SandboxException(RpcCode.InvalidArgument, $"{what} {path} has \"..\" in it.");
            }

            if (part is not ("" or "."))
            {
                parts.Add(part);
            }
        }

        return parts.Count > 0
            ? string.Join('/', parts)
            : throw new SandboxException(RpcCode.InvalidArgument, $"{what} \"{path}\" is the container's root directory.");
    }

    /// <summary>Whether a path is the other one or beneath it; both normal.</summary>
    internal static bool IsAtOrBelow(string path, string other)
        => path.StartsWith(other, StringComparison.Ordinal) && (path.Length == other.Length || path[other.Length] == '/');

    /// <summary>
    /// Replaces the image's symlinks by what they point to, inside the image. A target such as /etc/resolv.conf is often a
    /// symlink to what does not exist yet, and is to be made where it points. What is beneath an earlier mount is left alone:
    /// what the image has there will not be seen.
    /// </summary>
    /// <param name="path">Normal.</param>
    /// <param name="covered">Targets of earlier mounts, resolved.</param>
    internal static string Resolve(FileDescriptor rootfs, string path, IReadOnlyList<string> covered)
    {
        const ResolveFlags Plain = ResolveFlags.InRoot | ResolveFlags.NoSymlinks;
        using (var direct = Files.TryOpenAt2(rootfs, path, OpenFlags.Path, Plain, 0, out _))
        {
            if (direct is not null)
            {
                return path;
            }
        }

        var rest = new Stack<string>();
        Push(rest, path);
        var resolved = "";
        var links = 0;
        while (rest.TryPop(out var part))
        {
            if (part is "" or ".")
            {
                continue;
            }

            if (part == "..")
            {
                resolved = RootTree.Above(resolved);
                continue;
            }

            var next = resolved.Length == 0 ? part : $"{resolved}/{part}";
            if (LinkAt(rootfs, next, covered) is not { } link)
            {
                resolved = next;
                continue;
            }

            if (++links > MostSymlinks)
            {
                throw new SandboxException(RpcCode.InvalidArgument, $"The path /{path} goes through more than {MostSymlinks} symlinks of the image.");
            }

            resolved = link.StartsWith('/') ? "" : resolved;
            Push(rest, link);
        }

        // A symlink to the root directory itself: the mount point would be the rootfs.
        return resolved.Length > 0
            ? resolved
            : throw new SandboxException(RpcCode.InvalidArgument, $"The path /{path} is a symlink to the container's root directory.");
    }

    private static void Push(Stack<string> rest, string path)
    {
        var parts = path.Split('/');
        for (var i = parts.Length - 1; i >= 0; i--)
        {
            rest.Push(parts[i]);
        }
    }

    /// <returns>Where the symlink points; null when there is no symlink.</returns>
    private static string? LinkAt(FileDescriptor rootfs, string path, IReadOnlyList<string> covered)
    {
        foreach (var target in covered)
        {
            if (IsAtOrBelow(path, target))
            {
                return null;
            }
        }

        using var file = Files.TryOpenAt2(
            rootfs, path, OpenFlags.Path | OpenFlags.NoFollow, ResolveFlags.InRoot | ResolveFlags.NoMagicLinks, 0, out _);
        return file is not null && Files.Status(file).Type == FileType.Symlink ? Files.ReadlinkAt(file, "") : null;
    }
}
