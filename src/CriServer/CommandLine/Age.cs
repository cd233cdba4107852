using System.Globalization;

namespace Crisp.CriServer.CommandLine;

/// <summary>How long ago something was, in at most two units: 8s, 4m10s, 3h, 5d2h.</summary>
internal static class Age
{
    /// <param name="created">Nanoseconds since the epoch, as in CRI.</param>
    public static string Since(long created, DateTimeOffset now) =>
        Show(now - DateTimeOffset.UnixEpoch - TimeSpan.FromTicks(created / TimeSpan.NanosecondsPerTick));

    /// <summary>Small units are left out where they say nothing: minutes from ten minutes on, hours from ten hours on.</summary>
    /// <param name="age">A clock that was set back makes it negative, which shows as 0s.</param>
    public static string Show(TimeSpan age)
    {
        const int ManyMinutes = 10;
        const int ManyHours = 10;
        const int ManyDays = 10;
        return age switch
        {
            { Ticks: < 0 } => "0s",
            { TotalMinutes: < 1 } => Text($"{age.Seconds}s"),
            { TotalMinutes: < ManyMinutes } => Text($"{age.Minutes}m", age.Seconds, "s"),
            { TotalHours: < 1 } => Text($"{age.Minutes}m"),
            { TotalHours: < ManyHours } => Text($"{age.Hours}h", age.Minutes, "m"),
            { TotalDays: < 1 } => Text($"{age.Hours}h"),
            { TotalDays: < ManyDays } => Text($"{age.Days}d", age.Hours, "h"),
            _ => Text($"{age.Days}d"),
        };
    }

    private static string Text(FormattableString large, int small = 0, string unit = "") =>
        large.ToString(CultureInfo.InvariantCulture) + (small == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{small}{unit}"));
}
