using Crisp.Linux;

namespace Crisp.Sandbox.Processes;

/// <summary>
/// What the pod's process starts with blocked in every thread: SIGCHLD and SIGTERM, which it reads from a descriptor, and all
/// whose default would end or stop it. Faults are not among them, nor what the .NET runtime uses.
/// </summary>
internal static class StraySignals
{
    /// <summary>By number: HUP INT QUIT USR1 USR2 PIPE ALRM TERM STKFLT CHLD TSTP TTIN TTOU XCPU XFSZ VTALRM PROF IO PWR.</summary>
    public static IReadOnlyList<int> All { get; } =
        [1, 2, 3, Signals.User1, Signals.User2, 13, 14, Signals.Terminate, 16, Signals.Child, 20, 21, 22, 24, 25, 26, 27, 29, 30];
}
