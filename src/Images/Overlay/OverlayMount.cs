using Crisp.Linux;

namespace Crisp.Images;

/// <summary>How an overlay is told its layers. The kernel decides which ways exist; tests take each in turn.</summary>
public enum OverlayMethod
{
    /// <summary>The first of the following that this kernel has.</summary>
    Best,

    /// <summary>fsconfig(2) "lowerdir+" with descriptors: Linux 6.13.</summary>
    Descriptors,

    /// <summary>fsconfig(2) "lowerdir+" with paths of at most 255 bytes: Linux 6.8.</summary>
    Paths,

    /// <summary>mount(2) in a mount namespace that lives for a moment: every kernel.</summary>
    ScratchNamespace,
}

/// <summary>The root filesystem of a container: an overlay of layers as a detached mount, attached by whoever gets it.</summary>
public static partial class OverlayMount
{
    // mount(2) copies one page of options. fsconfig(2) takes 255 bytes a string, terminator excluded.
    private const int MaxOptions = 4095;
    private const int MaxString = 255;

    /// <summary>Makes the overlay.</summary>
    /// <param name="lowers">Layer directories, top first, at least one and at most 500 (OVL_MAX_STACK).</param>
    /// <param name="upper">The writable layer, or null for a read-only overlay.</param>
    /// <param name="work">An empty directory on the filesystem of <paramref name="upper"/>; null exactly when that is.</param>
    /// <param name="readOnly">Whether the mount is read-only although it has an upper directory (a read-only rootfs).</param>
    /// <param name="isVolatile">
    /// Whether unmounting leaves it to the caller to bring what was written to the disk. Otherwise it waits for all that the filesystem of
    /// <paramref name="upper"/> has to write. The work directory serves no second mount (overlayfs, "Volatile mount").
    /// </param>
    /// <param name="method">Tests force one.</param>
    /// <returns>A descriptor of the detached mount, as of fsmount(2) or open_tree(2).</returns>
    /// <exception cref="LinuxException">The kernel refused; its own words are in the message.</exception>
    public static FileDescriptor Create(
        IReadOnlyList<string> lowers,
        string? upper,
        string? work,
        bool readOnly = false,
        bool isVolatile = false,
        OverlayMethod method = OverlayMethod.Best)
    {
        if (lowers.Count == 0)
        {
            throw new ArgumentException("An overlay needs at least one layer.", nameof(lowers));
        }

        if (upper is null != work is null)
        {
            throw new ArgumentException("An overlay has both an upper and a work directory, or neither.", nameof(work));
        }

        if (upper is null && lowers.Count == 1)
        {
            return SingleLayer(lowers[0]);
        }

        return method switch
        {
            OverlayMethod.Descriptors => ByDescriptors(lowers, upper, work, readOnly, isVolatile),
            OverlayMethod.Paths => ByPaths(lowers, upper, work, readOnly, isVolatile),
            OverlayMethod.ScratchNamespace => InScratchNamespace(lowers, upper, work, readOnly, isVolatile),
            _ => ByBest(lowers, upper, work, readOnly, isVolatile),
        };
    }

    private static FileDescriptor ByBest(IReadOnlyList<string> lowers, string? upper, string? work, bool readOnly, bool isVolatile)
    {
        switch (Kernel)
        {
            case OverlayMethod.Descriptors:
                return ByDescriptors(lowers, upper, work, readOnly, isVolatile);
            case OverlayMethod.Paths when lowers.Append(upper).Append(work).All(FitsString):
                return ByPaths(lowers, upper, work, readOnly, isVolatile);
            default:
                return InScratchNamespace(lowers, upper, work, readOnly, isVolatile);
        }
    }

    // overlayfs refuses to merge fewer than two layers without an upper one; a read-only bind shows the same. Where systemd
    // shares all mounts, so would the copy, and a container's mounts upon it would appear on the node.
    private static FileDescriptor SingleLayer(string layer)
    {
        var mount = Mounts.OpenTree(FileDescriptor.CurrentDirectory, layer, OpenTreeFlags.Clone);
        Mounts.MountSetAttr(mount, MountAttributes.ReadOnly, propagation: MountFlags.Private);
        return mount;
    }

    private static FileDescriptor ByDescriptors(IReadOnlyList<string> lowers, string? upper, string? work, bool readOnly, bool isVolatile)
    {
        using var context = Begin(isVolatile);
        foreach (var lower in lowers)
        {
            SetDirectory(context, "lowerdir+", lower);
        }

        if (upper is not null && work is not null)
        {
            SetDirectory(context, "upperdir", upper);
            SetDirectory(context, "workdir", work);
        }

        return Finish(context, upper, readOnly);
    }

    private static FileDescriptor ByPaths(IReadOnlyList<string> lowers, string? upper, string? work, bool readOnly, bool isVolatile)
    {
        using var context = Begin(isVolatile);
        foreach (var lower in lowers)
        {
            Mounts.FsConfigString(context, "lowerdir+", lower);
        }

        if (upper is not null && work is not null)
        {
            Mounts.FsConfigString(context, "upperdir", upper);
            Mounts.FsConfigString(context, "workdir", work);
        }

        return Finish(context, upper, readOnly);
    }

    private static FileDescriptor Begin(bool isVolatile)
    {
        var context = Mounts.FsOpen("overlay");

        // With an index (a build-time default of some kernels) an upper directory stays busy until its last overlay is gone,
        // so that a container could not be started again while somebody still holds the old mount.
        Mounts.FsConfigString(context, "index", "off");
        if (isVolatile)
        {
            Mounts.FsConfigFlag(context, "volatile");
        }

        return context;
    }

    private static FileDescriptor Finish(FileDescriptor context, string? upper, bool readOnly)
    {
        Mounts.FsConfigString(context, "source", "overlay");
        Mounts.FsConfigCreate(context);
        return Mounts.FsMount(context, readOnly || upper is null ? MountAttributes.ReadOnly : MountAttributes.None);
    }

    // Not O_PATH: fsconfig takes no such descriptor before Linux 6.14.
    private static void SetDirectory(FileDescriptor context, string key, string path)
    {
        using var directory = Files.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory);
        Mounts.FsConfigDescriptor(context, key, directory);
    }

    private static bool FitsString(string? path) => path is null || LinuxPath.Encode(path).Length <= MaxString;
}
