using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>Anonymous files in memory (memfd_create(2)).</summary>
public static class Memfd
{
    private const int FAddSeals = 1033;
    private const int FGetSeals = 1034;

    /// <summary>F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE: nothing can change the content any more.</summary>
    private const int AllSeals = 0xF;

    /// <summary>memfd_create(2) with MFD_CLOEXEC and MFD_ALLOW_SEALING.</summary>
    /// <param name="name">For people: /proc/PID/fd shows memfd:NAME.</param>
    /// <param name="executable">MFD_EXEC, which vm.memfd_noexec asks for; kernels before 6.3 do not know it and need no flag.</param>
    public static FileDescriptor Create(string name, bool executable = false)
    {
        const uint MfdCloexec = 1;
        const uint MfdAllowSealing = 2;
        const uint MfdNoexecSeal = 8;
        const uint MfdExec = 0x10;
        var number = Libc.memfd_create(name, MfdCloexec | MfdAllowSealing | (executable ? MfdExec : MfdNoexecSeal));
        if (number == -1 && Check.LastError == Errno.EINVAL)
        {
            number = Libc.memfd_create(name, MfdCloexec | MfdAllowSealing);
        }

        return new FileDescriptor(Check.Result(number, "memfd_create", name));
    }

    /// <summary>Makes the content unchangeable for everybody, for ever (fcntl(2), F_ADD_SEALS).</summary>
    public static void Seal(FileDescriptor memfd) => Check.Result(Libc.fcntl(memfd, FAddSeals, AllSeals), "fcntl", "F_ADD_SEALS");

    /// <summary>Makes the length unchangeable (F_SEAL_SHRINK and F_SEAL_GROW), so that no touch of a mapping ends in SIGBUS.</summary>
    public static void SealSize(FileDescriptor memfd)
    {
        const int SizeSeals = 6;
        Check.Result(Libc.fcntl(memfd, FAddSeals, SizeSeals), "fcntl", "F_ADD_SEALS");
    }

    /// <summary>Gives a part's pages back; it reads as zeros from then on (fallocate(2), FALLOC_FL_PUNCH_HOLE).</summary>
    public static void PunchHole(FileDescriptor memfd, long offset, long length)
    {
        const int PunchHoleKeepSize = 3;
        Check.Result(Libc.fallocate(memfd, PunchHoleKeepSize, offset, length), "fallocate", memfd);
    }

    /// <summary>Whether <see cref="Seal"/> was done.</summary>
    public static bool IsSealed(FileDescriptor memfd)
        => (Check.Result(Libc.fcntl(memfd, FGetSeals, 0), "fcntl", "F_GET_SEALS") & AllSeals) == AllSeals;
}
