using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>Numbers of signal(7) on x86-64, and sets of them.</summary>
public static class Signals
{
    public const int Hangup = 1;
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int User1 = 10;
    public const int User2 = 12;
    public const int Terminate = 15;
    public const int Child = 17;
    public const int TerminalOutput = 22;

    /// <summary>SIGRTMAX.</summary>
    public const int Last = 64;

    /// <summary>Bit n − 1 stands for signal n.</summary>
    internal static ulong Mask(ReadOnlySpan<int> signals)
    {
        var mask = 0UL;
        foreach (var signal in signals)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(signal is >= 1 and <= Last, true, nameof(signals));
            mask |= 1UL << (signal - 1);
        }

        return mask;
    }

    internal static sigset_t Set(ReadOnlySpan<int> signals)
    {
        var set = default(sigset_t);
        // SAFETY: glibc's set has 128 bytes, of which the first eight are the kernel's 64 signals.
        unsafe
        {
            *(ulong*)&set = Mask(signals);
        }

        return set;
    }
}
