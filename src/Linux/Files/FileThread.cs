using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>
/// A thread that carries out file operations for others: its umask and working directory are its own, it can create files in
/// another's name, and it can leave out the right to keep set-id bits.
/// </summary>
/// <remarks>For the thread that made it alone, from then on to its end.</remarks>
public sealed class FileThread
{
    private const int CapFsetid = 4;

    // As they were when the thread became one: nothing takes a permitted one away while it serves.
    private readonly __user_cap_data_struct[] _all = new __user_cap_data_struct[Restrictions.Halves];
    private readonly __user_cap_data_struct[] _withoutSetId;

    private FileThread()
    {
        Restrictions.ReadCapabilities(_all);
        _withoutSetId = [.. _all];
        _withoutSetId[0].effective &= ~(1U << CapFsetid);
    }

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
        return new FileThread();
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
            Restrictions.WriteCapabilities(_all);
        }

        return true;
    }

    public void ActAsItself()
    {
        SetId(SystemCall.setfsuid, Libc.geteuid());
        SetId(SystemCall.setfsgid, Libc.getegid());
        Restrictions.WriteCapabilities(_all);
    }

    /// <summary>Without CAP_FSETID writes and truncations take set-id bits away, as they do for unprivileged writers.</summary>
    public void DropSetIdRight() => Restrictions.WriteCapabilities(_withoutSetId);

    public void RegainSetIdRight() => Restrictions.WriteCapabilities(_all);

    private static uint SetId(SystemCall call, uint id) => (uint)Libc.syscall((int)call, (nint)id);
}
