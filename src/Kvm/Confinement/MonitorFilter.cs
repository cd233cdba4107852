using Crisp.Kvm.Interop;
using Crisp.Linux;
using Crisp.Linux.Seccomp;

namespace Crisp.Kvm.Confinement;

/// <summary>Seccomp filters of a monitor: one that holds for the whole process, and narrower ones for threads that a guest keeps busy.</summary>
/// <remarks>
/// What is not allowed fails with EPERM, so that a call that nobody foresaw is an error with a sentence; what only an intruder
/// does ends the process. Nobody makes memory executable: programs that compile while they run cannot be confined so.
/// </remarks>
internal static class MonitorFilter
{
    private const uint TunSetOffload = 0x400454D0;
    private const uint FionRead = 0x541B;

    /// <summary>Everything that any thread of the process does.</summary>
    /// <param name="hasFiles">Whether it serves files; without it no path leads anywhere.</param>
    internal static byte[] Process(bool hasFiles) => Compile(
        [
            .. MonitorCalls.Runtime, .. MonitorCalls.Events, .. MonitorCalls.Disk, .. MonitorCalls.Tap, .. MonitorCalls.Memory, .. MonitorCalls.Sockets,
            .. MonitorCalls.Descriptors, .. hasFiles ? MonitorCalls.Files : [],
            // Each only takes more away.
            "capget", "capset", "seccomp",
        ],
        [.. Requests(KvmIoctl.KVM_RUN.Number, KvmIoctl.KVM_GET_REGS.Number, KvmIoctl.KVM_GET_SREGS.Number, KvmIoctl.KVM_SET_SIGNAL_MASK.Number, TunSetOffload, FionRead), UnixSocket, .. hasFiles ? [OwnDirectory] : (SeccompRule[])[]]);

    /// <summary>
    /// A virtual processor's thread: KVM_RUN, and the registers of devices, whose activation and reset run on it.
    /// </summary>
    internal static byte[] Processor() => Compile(
        [.. MonitorCalls.Runtime, .. MonitorCalls.Events, "shutdown", "writev"],
        Requests(KvmIoctl.KVM_RUN.Number, KvmIoctl.KVM_GET_REGS.Number, KvmIoctl.KVM_GET_SREGS.Number, KvmIoctl.KVM_SET_SIGNAL_MASK.Number, TunSetOffload));

    /// <summary>A device's thread.</summary>
    /// <param name="device">virtio 1.2, chapter 5.</param>
    /// <returns>Null for a device that needs all that the process does: a file server.</returns>
    internal static byte[]? Device(uint device) => device switch
    {
        1 => Compile([.. MonitorCalls.Runtime, .. MonitorCalls.Events, .. MonitorCalls.Tap], Requests(TunSetOffload)),
        2 => Compile([.. MonitorCalls.Runtime, .. MonitorCalls.Events, .. MonitorCalls.Disk], []),
        4 => Compile([.. MonitorCalls.Runtime, .. MonitorCalls.Events], []),
        5 => Compile([.. MonitorCalls.Runtime, .. MonitorCalls.Events, .. MonitorCalls.Memory], []),
        19 => Compile([.. MonitorCalls.Runtime, .. MonitorCalls.Events, .. MonitorCalls.Sockets, "fcntl"], [.. Requests(FionRead), UnixSocket]),
        26 => null,
        _ => throw new ArgumentOutOfRangeException(nameof(device), device, "Nobody has said what this device's thread may do."),
    };

    // A file server's threads have a working directory each (CLONE_FS).
    private static SeccompRule OwnDirectory => new(["unshare"], SeccompAnswer.Allow, [new SeccompCondition(0, SeccompComparison.Equal, 0x200)]);

    private static SeccompRule UnixSocket => new(["socket"], SeccompAnswer.Allow, [new SeccompCondition(0, SeccompComparison.Equal, 1)]);

    private static SeccompRule[] Requests(params uint[] requests)
        => [.. requests.Select(r => new SeccompRule(["ioctl"], SeccompAnswer.Allow, [new SeccompCondition(1, SeccompComparison.Equal, r)]))];

    private static byte[] Compile(IReadOnlyList<string> calls, IReadOnlyList<SeccompRule> more)
    {
        const ulong CloneThread = 0x1_0000;
        const ulong ProtExec = 4;
        const ulong SetName = 15;
        const ulong SetVma = 0x5356_4D41;
        const ulong NoNewPrivileges = 38;
        return SeccompCompiler.Compile(new SeccompPolicy
        {
            DefaultAnswer = SeccompAnswer.Errno((ushort)Errno.EPERM),
            Rules =
            [
                new SeccompRule([.. calls], SeccompAnswer.Allow, []),
                new SeccompRule(["clone"], SeccompAnswer.Allow, [new SeccompCondition(0, SeccompComparison.MaskedEqual, CloneThread, CloneThread)]),
                // Its flags are in memory, where a filter cannot look. glibc goes on with clone.
                new SeccompRule(["clone3"], SeccompAnswer.Errno((ushort)Errno.ENOSYS), []),
                new SeccompRule(["mmap", "mprotect"], SeccompAnswer.Allow, [new SeccompCondition(2, SeccompComparison.MaskedEqual, 0, ProtExec)]),
                new SeccompRule(["tgkill"], SeccompAnswer.Allow, [new SeccompCondition(0, SeccompComparison.Equal, (ulong)Environment.ProcessId)]),
                .. ((ulong[])[SetName, SetVma, NoNewPrivileges]).Select(o => new SeccompRule(["prctl"], SeccompAnswer.Allow, [new SeccompCondition(0, SeccompComparison.Equal, o)])),
                // Limits are read, never set.
                new SeccompRule(["prlimit64"], SeccompAnswer.Allow, [new SeccompCondition(2, SeccompComparison.Equal, 0)]),
                .. more,
                new SeccompRule(MonitorCalls.Intrusion, SeccompAnswer.KillProcess, []),
            ],
        });
    }
}
