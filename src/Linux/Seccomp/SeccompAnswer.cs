namespace Crisp.Linux.Seccomp;

/// <summary>What a filter returns (linux/seccomp.h): an action in the upper half, its data in the lower.</summary>
public static class SeccompAnswer
{
    public const uint KillProcess = 0x8000_0000;
    public const uint KillThread = 0;

    /// <summary>SIGSYS.</summary>
    public const uint Trap = 0x0003_0000;

    /// <summary>Done, and written to the audit log.</summary>
    public const uint Log = 0x7FFC_0000;
    public const uint Allow = 0x7FFF_0000;

    private const uint ErrnoAction = 0x0005_0000;
    private const uint TraceAction = 0x7FF0_0000;
    private const uint ActionMask = 0xFFFF_0000;

    /// <summary>Not done; the call fails with the number.</summary>
    /// <param name="number">Up to 4095 (MAX_ERRNO); the kernel cuts higher ones.</param>
    public static uint Errno(ushort number) => ErrnoAction | number;

    /// <summary>A tracer decides; without one the call fails with ENOSYS.</summary>
    public static uint Trace(ushort message) => TraceAction | message;

    /// <summary>Whether the call is done, at least when a tracer agrees.</summary>
    public static bool IsPermissive(uint answer) => (answer & ActionMask) is Allow or Log or TraceAction;

    /// <summary>The kernel's order of several filters' answers: lower is more restrictive.</summary>
    public static int Rank(uint answer) => (int)(answer & ActionMask);
}
