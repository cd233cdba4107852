using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>What process 1 of a machine does with its kernel.</summary>
public static class Machine
{
    /// <summary>finit_module(2).</summary>
    /// <param name="file">A module that is not compressed.</param>
    /// <returns>False when it is loaded already.</returns>
    public static bool LoadModule(FileDescriptor file, string name)
    {
        if (Libc.finit_module((int)SystemCall.finit_module, file, "", 0) == 0)
        {
            return true;
        }

        return Check.LastError == Errno.EEXIST ? false : throw new LinuxException("finit_module", Check.LastError, name);
    }

    /// <summary>chroot(2), and chdir(2) to it.</summary>
    public static void ChangeRoot(string path)
    {
        Check.Result(Libc.chroot(path), "chroot", path);
        Environment.CurrentDirectory = "/";
    }

    /// <summary>sync(2) and reboot(2): writes what filesystems hold back, and switches the machine off.</summary>
    /// <exception cref="LinuxException">It cannot be; otherwise this does not return.</exception>
    public static void PowerOff()
    {
        const int RbPowerOff = 0x4321FEDC;
        Libc.sync();
        Check.Result(Libc.reboot(RbPowerOff), "reboot", "RB_POWER_OFF");
    }
}
