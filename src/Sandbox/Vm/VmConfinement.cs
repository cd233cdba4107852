using Crisp.Kvm;
using Crisp.Linux;

namespace Crisp.Sandbox.Vm;

/// <summary>What a machine's process gives up before guest code runs: the node's files, capabilities, system calls.</summary>
/// <remarks>
/// Its root becomes an empty filesystem that is mounted nowhere. A mount namespace of its own would need to be entered before there
/// are threads, and would hold all mounts of the node; this holds none. Without root's rights there are neither mounts nor capabilities,
/// and the filter alone keeps it from files: a machine without a file server has no system call that takes a path but connect.
/// </remarks>
internal static class VmConfinement
{
    private const MountAttributes Attributes = MountAttributes.ReadOnly | MountAttributes.NoSuid | MountAttributes.NoDev | MountAttributes.NoExec;
    private static readonly CapabilitySet s_rootsRights = CapabilitySet.Of("CAP_SYS_ADMIN", "CAP_SYS_CHROOT");

    private static readonly CapabilitySet s_fileServer = CapabilitySet.Of(
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETUID", "CAP_SETGID", "CAP_MKNOD", "CAP_SETFCAP");

    // Whoever's the directory of a log is, the log is written.
    private static readonly CapabilitySet s_pod = CapabilitySet.Of("CAP_DAC_OVERRIDE");

    /// <summary>Whether this program can be confined: a development build loads assemblies and makes memory executable while it runs.</summary>
    internal static bool IsPossible => !File.Exists(Environment.ProcessPath + ".dll");

    /// <summary>Whether <see cref="Enter"/> will change the root.</summary>
    internal static bool ChangesRoot => IsPossible && (Restrictions.EffectiveCapabilities() & s_rootsRights) == s_rootsRights;

    /// <param name="guest">Not started yet, with all its devices.</param>
    /// <param name="hasFiles">Whether there is a file server, which keeps the capabilities to act for any user.</param>
    /// <param name="directory">Seen as the root, read-only, instead of nothing; null for nothing.</param>
    internal static void Enter(BootedGuest guest, bool hasFiles, string? directory)
    {
        if (!IsPossible)
        {
            return;
        }

        Linux.Processes.BecomeUndumpable();
        if (ChangesRoot)
        {
            using var root = directory is null ? Empty() : ReadOnly(directory);
            Restrictions.ChangeRoot(root);
        }

        // The collector's finalizer is the one thread of the runtime's own.
        FinalizerThread.Run(() => Restrictions.KeepCapabilities(CapabilitySet.Empty));
        guest.Machine.Confine(hasFiles ? s_fileServer & Restrictions.EffectiveCapabilities() : CapabilitySet.Empty, hasFiles);
    }

    /// <summary>For a thread that serves the pod, and no device: takes all capabilities from it but what logs need.</summary>
    internal static void EnterThread()
    {
        if (IsPossible)
        {
            Restrictions.KeepCapabilities(s_pod & Restrictions.EffectiveCapabilities());
        }
    }

    private static FileDescriptor Empty()
    {
        using var context = Mounts.FsOpen("tmpfs");
        Mounts.FsConfigCreate(context);
        return Mounts.FsMount(context, Attributes);
    }

    private static FileDescriptor ReadOnly(string directory)
    {
        var tree = Mounts.OpenTree(FileDescriptor.CurrentDirectory, directory, OpenTreeFlags.Clone);
        Mounts.MountSetAttr(tree, Attributes);
        return tree;
    }
}
