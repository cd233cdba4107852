using System.Globalization;

namespace Crisp.Linux;

/// <summary>The names of signal(7), as images and CRI have them, and the kernel's numbers on x86-64 and arm64.</summary>
public static class SignalNames
{
    private const int RealTimeMin = 34;
    private const int RealTimeMax = 64;

    // By number.
    private static readonly string[] s_names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
        "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>SIGTERM, TERM, 15, SIGRTMIN+3, RTMAX-1.</summary>
    public static bool TryParse(string text, out int number)
    {
        var name = text.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out number))
        {
            return number is >= 1 and < 32 or >= RealTimeMin and <= RealTimeMax;
        }

        name = name switch { "IOT" => "ABRT", "CLD" => "CHLD", "POLL" => "IO", "RTMIN" => "RTMIN+0", "RTMAX" => "RTMAX-0", _ => name };
        number = name.StartsWith("RTMIN+", StringComparison.Ordinal) && Digits(name[6..], out var above) ? RealTimeMin + above
            : name.StartsWith("RTMAX-", StringComparison.Ordinal) && Digits(name[6..], out var below) ? RealTimeMax - below
            : name.Length > 0 ? Array.IndexOf(s_names, name)
            : -1;
        return number is >= 1 and < 32 or >= RealTimeMin and <= RealTimeMax;
    }

    /// <summary>The number of a container's stop signal, 1..64.</summary>
    /// <param name="name">Null for SIGTERM, and so is what is no signal.</param>
    public static int StopSignal(string? name) => name is not null && TryParse(name, out var number) ? number : Signals.Terminate;

    /// <param name="number">One that <see cref="TryParse"/> gives.</param>
    public static string Of(int number) => number >= RealTimeMin
        ? string.Create(CultureInfo.InvariantCulture, $"SIGRTMIN+{number - RealTimeMin}")
        : "SIG" + s_names[number];

    private static bool Digits(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
