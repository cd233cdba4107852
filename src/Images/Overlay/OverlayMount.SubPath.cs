using Crisp.Linux;

namespace Crisp.Images;

public static partial class OverlayMount
{
    /// <summary>A detached copy of a directory or file in a detached mount.</summary>
    /// <param name="mount">It is of no more use afterwards, except to be disposed.</param>
    /// <param name="path">In the mount, where all symlinks stay in it.</param>
    /// <exception cref="LinuxException">ENOENT: there is no such path.</exception>
    public static FileDescriptor SubTree(FileDescriptor mount, string path)
    {
        using var found = Files.OpenAt2(mount, path, OpenFlags.Path, ResolveFlags.InRoot | ResolveFlags.NoMagicLinks);

        // Before Linux 6.15 only what is attached can be copied in parts.
        return InScratchNamespace(() =>
        {
            const MoveMountFlags FromDescriptor = MoveMountFlags.FromEmptyPath;
            Mounts.MoveMount(mount, string.Empty, FileDescriptor.CurrentDirectory, "/", FromDescriptor);
            return Mounts.OpenTree(found, string.Empty, OpenTreeFlags.Clone | OpenTreeFlags.EmptyPath);
        });
    }
}
