using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>How a process of the guest's ended, as far as the guest can be believed: the time is the node's, the rest is in bounds.</summary>
internal static class GuestExit
{
    /// <summary>Nobody knows how it ended.</summary>
    public const int Lost = 255;

    public static ExitInfo From(WaitResponse response)
    {
        var exit = response.Exit ?? new ExitInfo();
        if (exit.ExitCode is < 0 or > 255 || exit.Signal is < 0 or > Linux.Signals.Last)
        {
            return From($"The guest told of an end that cannot be: exit code {exit.ExitCode}, signal {exit.Signal}.");
        }

        return new ExitInfo
        {
            ExitCode = exit.ExitCode,
            Signal = exit.Signal,
            OomKilled = exit.OomKilled,
            Message = GuestText.Clean(exit.Message),
            FinishedAt = Clock.Now(),
        };
    }

    public static ExitInfo From(Exception error) => From(error.Message);

    private static ExitInfo From(string message) => new() { ExitCode = Lost, Message = message, FinishedAt = Clock.Now() };
}
