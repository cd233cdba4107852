namespace Crisp.Linux.Seccomp;

/// <summary>
/// socketcall(2) and ipc(2) of x86: one system call for many, chosen by its first argument. The others' arguments lie behind
/// a pointer, where no filter can look.
/// </summary>
internal static class Multiplexer
{
    // linux/net.h, SYS_*, from 1.
    private static readonly string[] s_sockets =
    [
        "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv", "sendto",
        "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg",
    ];

    // linux/ipc.h: SEMOP…, MSGSND…, SHMAT….
    private static readonly (string Name, uint Call)[] s_ipc =
    [
        ("semop", 1), ("semget", 2), ("semctl", 3), ("semtimedop", 4), ("msgsnd", 11), ("msgrcv", 12), ("msgget", 13),
        ("msgctl", 14), ("shmat", 21), ("shmdt", 22), ("shmget", 23), ("shmctl", 24),
    ];

    /// <summary>The other way to make a call.</summary>
    /// <returns>Null where there is none.</returns>
    internal static (string Through, SeccompCondition Condition)? Find(string name)
    {
        // The kernel takes a version from the upper half of ipc's first argument.
        const uint CallMask = 0xFFFF;
        var socket = Array.IndexOf(s_sockets, name);
        if (socket >= 0)
        {
            return ("socketcall", new SeccompCondition(0, SeccompComparison.Equal, (uint)socket + 1));
        }

        var ipc = Array.FindIndex(s_ipc, call => call.Name == name);
        return ipc >= 0
            ? ("ipc", new SeccompCondition(0, SeccompComparison.MaskedEqual, s_ipc[ipc].Call, CallMask))
            : null;
    }
}
