using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Linux;

namespace Crisp.CriServer.Containers;

/// <summary>Stop signals: CRI's enumeration, and the names of images.</summary>
public static class StopSignals
{
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
        return SignalNames.TryParse(image, out var number) ? SignalNames.Of(number) : null;
    }

    public static Signal ToCri(string? name)
    {
        var number = SignalNames.StopSignal(name);
        return Enum.GetValues<Signal>().First(s => s != Signal.RuntimeDefault && SignalNames.TryParse(Name(s), out var n) && n == number);
    }

    // The generated names are Sigterm, Sigrtminplus3, Sigrtmaxminus1.
    private static string Name(Signal signal)
    {
        var name = signal.ToString().ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        return "SIG" + name.Replace("PLUS", "+", StringComparison.Ordinal).Replace("MINUS", "-", StringComparison.Ordinal);
    }
}
