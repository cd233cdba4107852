using Crisp.Linux;

namespace Crisp.Images;

public static partial class OverlayMount
{
    private static readonly Lazy<OverlayMethod> _kernel = new(Probe);

    /// <summary>The best way that this kernel has, found by trying: distributions port such things back.</summary>
    public static OverlayMethod Kernel => _kernel.Value;

    private static OverlayMethod Probe()
    {
        using (var directory = Files.Open("/", OpenFlags.ReadOnly | OpenFlags.Directory))
        using (var context = Mounts.FsOpen("overlay"))
        {
            if (Accepts(() => Mounts.FsConfigDescriptor(context, "lowerdir+", directory)))
            {
                return OverlayMethod.Descriptors;
            }
        }

        using (var context = Mounts.FsOpen("overlay"))
        {
            return Accepts(() => Mounts.FsConfigString(context, "lowerdir+", "/")) ? OverlayMethod.Paths : OverlayMethod.ScratchNamespace;
        }
    }

    private static bool Accepts(Action configure)
    {
        try
        {
            configure();
            return true;
        }
        catch (LinuxException error) when (error.Errno is Errno.EINVAL)
        {
            // EINVAL is the kernel's "no such key, or not with such a value"; whatever else is wrong shows in the mount itself.
            return false;
        }
    }
}
