using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>
/// A thread that carries out file operations for others: its umask and working directory are its own, it can create files in
/// another's name, and it can leave out the right to keep set-id bits.
/// </summary>
/// <remarks>For the thread that made it alone, from then on to its end.</remarks>
public sealed class FileThread
{
    private const uint CapabilityVersion3 = 0x20080522;

    private readonly ulong _capabilities;

    private FileThread(ulong capabilities) => _capabilities = capabilities;

    /// <summary>
    /// /proc/self/fd for <see cref="Enter"/>, as a mount of its own: ".." would lead from the directory to the node's processes, and through
    /// them everywhere. Whoever may not mount gets the directory, and has no right either that would be lent so.
    /// </summary>
    public static FileDescriptor OpenDescriptors()
    {
        const string Descriptors = "/proc/self/fd";
        try
        {
            return Mounts.CloneDirectory(FileDescriptor.CurrentDirectory, Descriptors);
        }
        catch (LinuxException e) when (e.Errno == Errno.EPERM)
        {
            return Files.Open(Descriptors, OpenFlags.Path | OpenFlags.Directory);
        }
    }

    /// <summary>Makes the calling thread one: unshare(2) with CLONE_FS, umask 0, working directory /proc/self/fd.</summary>
    /// <param name="descriptors">Of <see cref="OpenDescriptors"/>, once for all threads.</param>
    public static FileThread Enter(FileDescriptor descriptors)
    {
        const int CloneFs = 0x200;
        Check.Result(Libc.unshare(CloneFs), "unshare", "CLONE_FS");
        _ = Libc.umask(0);
        Check.Result(Libc.fchdir(descriptors), "fchdir", descriptors);
        return new FileThread(ReadEffective());
    }

    /// <summary>
    /// Files are created in the name of uid and gid until <see cref="ActAsItself"/>. Only their ownership follows from that: all
    /// capabilities stay, since whoever asked has been permitted to already.
    /// </summary>
    /// <returns>False when the ids cannot be had: then nothing has changed.</returns>
    public bool TryActAs(uint uid, uint gid)
    {
        // The calls tell no errors, but the id before: asked once more, they tell what is now (setfsuid(2)).
        SetId(SystemCall.setfsgid, gid);
        SetId(SystemCall.setfsuid, uid);
        if (SetId(SystemCall.setfsgid, gid) != gid || SetId(SystemCall.setfsuid, uid) != uid)
        {
            ActAsItself();
            return false;
        }

        if (uid != 0)
        {
            // Leaving uid 0 took the capabilities that concern files out of the effective set.
            WriteEffective(_capabilities);
        }

        return true;
    }

    public void ActAsItself()
    {
        SetId(SystemCall.setfsuid, Libc.geteuid());
        SetId(SystemCall.setfsgid, Libc.getegid());
        WriteEffective(_capabilities);
    }

    /// <summary>Without CAP_FSETID writes and truncations take set-id bits away, as they do for unprivileged writers.</summary>
    public void DropSetIdRight()
    {
        const int CapFsetid = 4;
        WriteEffective(_capabilities & ~(1UL << CapFsetid));
    }

    public void RegainSetIdRight() => WriteEffective(_capabilities);

    private static uint SetId(SystemCall call, uint id) => (uint)Libc.syscall((int)call, (nint)id);

    private static ulong ReadEffective()
    {
        var header = new __user_cap_header_struct { version = CapabilityVersion3 };
        // SAFETY: version 3 fills two structures; both live on this stack.
        unsafe
        {
            var data = stackalloc __user_cap_data_struct[2];
            Check.Result(Libc.syscall((int)SystemCall.capget, (nint)(&header), (nint)data), "capget");
            return data[0].effective | (ulong)data[1].effective << 32;
        }
    }

    private static void WriteEffective(ulong effective)
    {
        var header = new __user_cap_header_struct { version = CapabilityVersion3 };
        // SAFETY: version 3 has two structures; both live on this stack. capset(2) concerns the calling thread alone.
        unsafe
        {
            var data = stackalloc __user_cap_data_struct[2];
            Check.Result(Libc.syscall((int)SystemCall.capget, (nint)(&header), (nint)data), "capget");
            data[0].effective = (uint)effective & data[0].permitted;
            data[1].effective = (uint)(effective >> 32) & data[1].permitted;
            Check.Result(Libc.syscall((int)SystemCall.capset, (nint)(&header), (nint)data), "capset");
        }
    }
}
