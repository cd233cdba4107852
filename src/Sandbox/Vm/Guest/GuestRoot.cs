using Crisp.Linux;

namespace Crisp.Sandbox.Vm.Guest;

/// <summary>The first filesystems of a guest. Process 1 starts on an initramfs with nothing mounted.</summary>
internal static class GuestRoot
{
    /// <summary>Beneath it is what <see cref="GuestMounts"/> opens.</summary>
    public const string RunDirectory = "/run/crisp";

    private const string Aside = "/tmp";
    private const uint DirectoryMode = 0x1ED; // 0755
    private const MountFlags Plain = MountFlags.NoSuid | MountFlags.NoDev | MountFlags.NoExec;

    /// <summary>
    /// Puts the initramfs on top of itself. It is the root of all mounts, and pivot_root(2) refuses to replace that: containers
    /// need a root directory that is mounted on something.
    /// </summary>
    public static void Move()
    {
        Mounts.Mount("/", Aside, null, MountFlags.Bind);
        Environment.CurrentDirectory = Aside;
        Mounts.Mount(Aside, "/", null, MountFlags.Move);
        Machine.ChangeRoot(".");
    }

    /// <summary>The kernel's filesystems, as every distribution has them.</summary>
    public static void MountKernel()
    {
        Mount("proc", "/proc", Plain);
        Mount("sysfs", "/sys", Plain);
        Mount("devtmpfs", "/dev", MountFlags.NoSuid);
        Mount("devpts", "/dev/pts", MountFlags.NoSuid | MountFlags.NoExec, "ptmxmode=0666,mode=0620,gid=5");
        Mount("tmpfs", "/run", MountFlags.NoSuid | MountFlags.NoDev, "mode=0755");
        Mount("cgroup2", "/sys/fs/cgroup", Plain);
    }

    /// <summary>What the monitor exports, shared memory of 64 MiB, as every runtime has it, and the way to the disks.</summary>
    /// <param name="tag">Of the virtio-fs device.</param>
    public static void MountPod(string tag)
    {
        Make(RunDirectory);
        Mount("virtiofs", $"{RunDirectory}/exports", MountFlags.None, source: tag);
        Mount("tmpfs", $"{RunDirectory}/shm", Plain, "mode=1777,size=64m");
        File.CreateSymbolicLink($"{RunDirectory}/block", "/sys/block");
    }

    private static void Mount(string type, string target, MountFlags flags, string? data = null, string? source = null)
    {
        Make(target);
        Mounts.Mount(source ?? type, target, type, flags, data);
    }

    private static void Make(string path)
    {
        try
        {
            Files.MkdirAt(FileDescriptor.CurrentDirectory, path, DirectoryMode);
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            // The image, or the kernel, has it.
        }
    }
}
