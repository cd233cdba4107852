using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.Sandbox.Launch;

/// <summary>
/// Steps that find and make files beneath the container's root: by openat2 with RESOLVE_IN_ROOT and descriptors alone, so that
/// no symlink of the image leads out (CVE-2021-30465, CVE-2024-45310). Paths have no leading slash.
/// </summary>
internal sealed class RootTree(PlanBuilder builder, PlanDescriptor root)
{
    private const uint DirectoryMode = 0x1ED;
    private const uint FileMode = 0x1A4;
    private const ResolveFlags InRoot = ResolveFlags.InRoot | ResolveFlags.NoMagicLinks;
    private readonly Dictionary<string, PlanDescriptor> _directories = new(StringComparer.Ordinal) { [""] = root };

    /// <summary>Makes the directory and those above it where they are missing. The step's result is an O_PATH descriptor.</summary>
    internal PlanDescriptor Directory(string path)
    {
        if (!_directories.TryGetValue(path, out var directory))
        {
            builder.MkdirAt(Directory(Above(path)), Name(path), DirectoryMode).Accept(Errno.EEXIST);
            directory = builder.OpenAt2(root, path, OpenFlags.Path | OpenFlags.Directory, InRoot).As($"/{path}");
            _directories.Add(path, directory);
        }

        return directory;
    }

    /// <summary>
    /// Makes the directory as far as this process may, so that no step may build on it: the root of an NFS client is nobody to
    /// the server, and does not even see what is there.
    /// </summary>
    internal void TryMakeDirectory(string path)
    {
        if (path.Length > 0 && !_directories.ContainsKey(path))
        {
            var above = Above(path);
            TryMakeDirectory(above);
            var directory = above.Length == 0
                ? root
                : builder.OpenAt2(root, above, OpenFlags.Path | OpenFlags.Directory, InRoot).Accept(Errno.EACCES).As($"/{above}");
            builder.MkdirAt(directory, Name(path), DirectoryMode).Accept(Errno.EEXIST, Errno.EACCES);
        }
    }

    /// <summary>A mount point, made where it is missing.</summary>
    /// <param name="real">It must not be reached through a symlink: /proc, /sys and /dev (CVE-2023-27561, CVE-2026-41579).</param>
    internal PlanDescriptor MountPoint(string path, bool isFile, bool real)
    {
        var above = Directory(Above(path));
        var made = isFile
            ? builder.MknodAt(above, Name(path), FileType.Regular, FileMode)
            : builder.MkdirAt(above, Name(path), DirectoryMode);
        made.Accept(Errno.EEXIST);
        return builder.OpenAt2(
            root,
            path,
            isFile ? OpenFlags.Path : OpenFlags.Path | OpenFlags.Directory,
            real ? InRoot | ResolveFlags.NoSymlinks : InRoot).As($"target /{path}");
    }

    /// <summary>A file that may be missing; what builds on it is then left out.</summary>
    internal StepReference Find(string path)
        => builder.OpenAt2(root, path, OpenFlags.Path, InRoot).Accept(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES).As($"file /{path}");

    /// <summary>A directory that may be missing, or something else.</summary>
    internal StepReference FindDirectory(string path)
        => builder.OpenAt2(root, path, OpenFlags.Path | OpenFlags.Directory, InRoot)
            .Accept(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES).As($"directory /{path}");

    /// <summary>Something was mounted on the path: what was opened there is hidden now.</summary>
    internal void Covered(string path)
    {
        List<string>? hidden = null;
        foreach (var known in _directories.Keys)
        {
            if (ImagePath.IsAtOrBelow(known, path))
            {
                (hidden ??= []).Add(known);
            }
        }

        hidden?.ForEach(known => _directories.Remove(known));
    }

    internal static string Above(string path) => path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "";

    internal static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];
}
