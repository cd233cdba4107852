namespace Crisp.Linux;

/// <summary>How a child ended, as waitid(2) tells it.</summary>
/// <param name="Code">CLD_EXITED 1, CLD_KILLED 2 or CLD_DUMPED 3.</param>
/// <param name="Status">The exit code, or the signal's number.</param>
public readonly record struct ProcessExit(int Pid, int Code, int Status)
{
    private const int CldExited = 1;

    /// <summary>The signal that ended the process, or 0.</summary>
    public int Signal => Code == CldExited ? 0 : Status;

    /// <summary>0..255; 128 + n when signal n ended the process, as shells have it.</summary>
    public int ExitCode => Code == CldExited ? Status : 128 + Status;
}
