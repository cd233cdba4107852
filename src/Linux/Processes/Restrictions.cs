using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>What a thread or a process gives up for good.</summary>
public static class Restrictions
{
    /// <summary>Structures of 32 capabilities each, with version 3.</summary>
    internal const int Halves = 2;

    private const uint Version3 = 0x20080522;

    /// <summary>capget(2): the calling thread's effective capabilities.</summary>
    public static CapabilitySet EffectiveCapabilities()
    {
        Span<__user_cap_data_struct> halves = stackalloc __user_cap_data_struct[Halves];
        ReadCapabilities(halves);
        return new CapabilitySet(halves[0].effective | ((ulong)halves[1].effective << 32));
    }

    /// <summary>capset(2): the calling thread's capabilities, effective and permitted; none is inheritable. Threads that it starts have the same.</summary>
    public static void KeepCapabilities(CapabilitySet capabilities)
    {
        Span<__user_cap_data_struct> halves = stackalloc __user_cap_data_struct[Halves];
        for (var i = 0; i < halves.Length; i++)
        {
            halves[i].effective = halves[i].permitted = (uint)(capabilities.Bits >> (32 * i));
        }

        WriteCapabilities(halves);
    }

    /// <summary>prctl(2), PR_SET_NO_NEW_PRIVS, of the calling thread.</summary>
    public static void NoNewPrivileges()
    {
        const int PrSetNoNewPrivs = 38;
        Check.Result(Libc.prctl(PrSetNoNewPrivs, 1, 0, 0, 0), "prctl", "PR_SET_NO_NEW_PRIVS");
    }

    /// <summary>seccomp(2), SECCOMP_SET_MODE_FILTER: one more filter, beside those that hold already.</summary>
    /// <param name="program">Of <see cref="Seccomp.SeccompCompiler"/>.</param>
    /// <param name="allThreads">SECCOMP_FILTER_FLAG_TSYNC: of all threads of the process, with no_new_privs; else of the calling one.</param>
    public static void Filter(ReadOnlySpan<byte> program, bool allThreads)
    {
        const uint SetModeFilter = 1;
        const uint FilterTsync = 1;
        const int InstructionSize = 8;
        nint result;
        // SAFETY: the kernel reads the program, which stays where it is meanwhile; the structure lives on this stack.
        unsafe
        {
            fixed (byte* instructions = program)
            {
                var fprog = new sock_fprog { len = (ushort)(program.Length / InstructionSize), filter = (nint)instructions };
                result = Libc.seccomp((int)SystemCall.seccomp, SetModeFilter, allThreads ? FilterTsync : 0, &fprog);
            }
        }

        Check.Result(result, "seccomp", "SECCOMP_SET_MODE_FILTER");
        if (result != 0)
        {
            throw new LinuxException("seccomp", Errno.ESRCH, $"thread {result} has a filter that this one has not");
        }
    }

    /// <summary>fchdir(2) and chroot(2): the process's root and working directory. What lies outside is reached by descriptors alone.</summary>
    public static void ChangeRoot(FileDescriptor directory)
    {
        Check.Result(Libc.fchdir(directory), "fchdir", directory);
        Check.Result(Libc.chroot("."), "chroot", ".");
    }

    /// <summary>capget(2) of the calling thread.</summary>
    internal static void ReadCapabilities(Span<__user_cap_data_struct> halves)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(halves.Length, Halves, nameof(halves));
        var header = new __user_cap_header_struct { version = Version3 };
        // SAFETY: the kernel reads the header, which lives on this stack, and fills two structures, which the span has.
        unsafe
        {
            fixed (__user_cap_data_struct* data = halves)
            {
                Check.Result(Libc.capget((int)SystemCall.capget, &header, data), "capget");
            }
        }
    }

    /// <summary>capset(2) of the calling thread.</summary>
    internal static void WriteCapabilities(ReadOnlySpan<__user_cap_data_struct> halves)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(halves.Length, Halves, nameof(halves));
        var header = new __user_cap_header_struct { version = Version3 };
        // SAFETY: the kernel reads the header, which lives on this stack, and two structures, which the span has.
        unsafe
        {
            fixed (__user_cap_data_struct* data = halves)
            {
                if (Libc.capset((int)SystemCall.capset, &header, data) == -1)
                {
                    Check.Throw("capset", new CapabilitySet(halves[0].permitted | ((ulong)halves[1].permitted << 32)).ToString());
                }
            }
        }
    }
}
