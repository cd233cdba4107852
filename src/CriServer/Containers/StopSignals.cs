using System.Globalization;
using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;

namespace Crisp.CriServer.Containers;

/// <summary>Stop signals: CRI's enumeration, the names of images, and the kernel's numbers (signal(7), x86-64 and arm64).</summary>
public static class StopSignals
{
    private const int RealTimeMin = 34;
    private const int RealTimeMax = 64;

    // By number.
    private static readonly string[] _names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
        "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>The name to store: the request's signal, else the image's, else null for SIGTERM.</summary>
    /// <param name="image">As the image has it: a name with or without SIG, a number, or null.</param>
    public static string? Choose(Signal asked, string? image)
    {
        if (asked != Signal.RuntimeDefault)
        {
            return Enum.IsDefined(asked)
                ? Name(asked)
                : throw CriException.Invalid($"stop_signal is {(int)asked}, which is no signal of CRI.");
        }

        if (string.IsNullOrEmpty(image))
        {
            return null;
        }

        // An image's odd signal must not make the image unusable; Docker and containerd fall back in the same way.
        return TryParse(image, out var number) ? ToName(number) : null;
    }

    /// <summary>1..64.</summary>
    public static int Number(string? name) => name is not null && TryParse(name, out var number) ? number : Array.IndexOf(_names, "TERM");

    public static Signal ToCri(string? name)
    {
        var number = Number(name);
        return Enum.GetValues<Signal>().First(s => s != Signal.RuntimeDefault && TryParse(Name(s), out var n) && n == number);
    }

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
            : name.Length > 0 ? Array.IndexOf(_names, name)
            : -1;
        return number is >= 1 and < 32 or >= RealTimeMin and <= RealTimeMax;
    }

    private static bool Digits(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static string ToName(int number) => number >= RealTimeMin
        ? $"SIGRTMIN+{number - RealTimeMin}"
        : "SIG" + _names[number];

    // The generated names are Sigterm, Sigrtminplus3, Sigrtmaxminus1.
    private static string Name(Signal signal)
    {
        var name = signal.ToString().ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        return "SIG" + name.Replace("PLUS", "+", StringComparison.Ordinal).Replace("MINUS", "-", StringComparison.Ordinal);
    }
}
