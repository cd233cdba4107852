using Crisp.Linux;

namespace Crisp.Images;

public static partial class OverlayMount
{
    /// <summary>
    /// Makes the overlay for a user namespace. An overlay cannot be id-mapped, its layers can: what they hold is shown with the
    /// namespace's ids, and what is written is stored with the node's.
    /// </summary>
    /// <param name="lowers">As for <see cref="Create"/>.</param>
    /// <param name="upper">The writable layer, or null for a read-only overlay.</param>
    /// <param name="work">An empty directory on the filesystem of <paramref name="upper"/>; null exactly when that is.</param>
    /// <param name="userNamespace">Its maps are the mounts' (mount_setattr(2), MOUNT_ATTR_IDMAP).</param>
    /// <returns>A descriptor of the detached mount.</returns>
    /// <exception cref="LinuxException">The kernel refused, for example because the layers' filesystem cannot be id-mapped.</exception>
    public static FileDescriptor CreateIdMapped(IReadOnlyList<string> lowers, string? upper, string? work, FileDescriptor userNamespace)
        => upper is null && lowers.Count == 1
            ? MappedLayer(lowers[0], userNamespace, MountAttributes.ReadOnly)
            : InScratchNamespace(() => MountMappedAndCopy(lowers, upper, work, userNamespace));

    private static FileDescriptor MappedLayer(string path, FileDescriptor userNamespace, MountAttributes more = MountAttributes.None)
    {
        var layer = Mounts.OpenTree(FileDescriptor.CurrentDirectory, path, OpenTreeFlags.Clone);
        try
        {
            Mounts.MountSetAttr(layer, MountAttributes.IdMap | more, propagation: MountFlags.Private, userNamespace: userNamespace);
            return layer;
        }
        catch
        {
            layer.Dispose();
            throw;
        }
    }

    // Before Linux 6.15 overlayfs refuses a detached mount as a layer, so that each is attached first: in the scratch
    // namespace, on a tmpfs that covers a directory which surely exists.
    private static FileDescriptor MountMappedAndCopy(IReadOnlyList<string> lowers, string? upper, string? work, FileDescriptor userNamespace)
    {
        var layers = new List<FileDescriptor>();
        try
        {
            foreach (var path in lowers)
            {
                layers.Add(MappedLayer(path, userNamespace));
            }

            Mounts.Mount("tmpfs", lowers[0], "tmpfs", MountFlags.None);
            var attached = layers.Select((layer, i) => Attach(layer, Path.Combine(lowers[0], $"{i}"))).ToList();
            return MountAndCopy(attached, upper, work, readOnly: false, isVolatile: false);
        }
        finally
        {
            layers.ForEach(l => l.Dispose());
        }
    }

    private static string Attach(FileDescriptor mount, string path)
    {
        Directory.CreateDirectory(path);
        Mounts.MoveMount(mount, string.Empty, FileDescriptor.CurrentDirectory, path, MoveMountFlags.FromEmptyPath);
        return path;
    }
}
