using System.Globalization;
using System.Text.RegularExpressions;
using Crisp.CriServer.Hosting.Service;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Crisp.CriServer.Tests.Daemon;

public sealed class ServiceNotifierTests
{
    private const int SigStop = 19;
    private const int SigCont = 18;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Messages_ReachSocketsOfBothKinds(bool isAbstract)
    {
        using var directory = new TemporaryDirectory();
        using var manager = new NotifySocket(isAbstract ? $"@crisp-test-{Guid.NewGuid():N}" : directory.Combine("notify"));
        using var notifier = new ServiceNotifier(manager.Address, watchdog: null, NullLogger.Instance);
        notifier.Ready();
        notifier.IsAlive();
        notifier.Reloading();
        notifier.Stopping();
        Assert.Equal("READY=1", manager.Receive(s_patience));
        Assert.Equal("WATCHDOG=1", manager.Receive(s_patience));
        var reloading = Regex.Match(manager.Receive(s_patience)!, "^RELOADING=1\nMONOTONIC_USEC=([0-9]+)$");
        Assert.True(reloading.Success);

        // The clock of /proc/uptime stands only while the machine sleeps, and tests' machines do not.
        var uptime = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.InRange(double.Parse(reloading.Groups[1].Value, CultureInfo.InvariantCulture) / 1e6, uptime - 60, uptime + 1);
        Assert.Equal("STOPPING=1", manager.Receive(s_patience));
    }

    [Fact]
    public void Manager_ThatIsGone_IsNoFailure()
    {
        using var notifier = new ServiceNotifier("/nonexistent/notify", watchdog: null, NullLogger.Instance);
        notifier.Ready();
    }

    [Theory]
    [InlineData("60000000", null, 60.0)]
    [InlineData("60000000", "", 60.0)]
    [InlineData("60000000", "own", 60.0)]
    [InlineData("60000000", "1", null)]
    [InlineData("0", null, null)]
    [InlineData("-5", null, null)]
    [InlineData("x", null, null)]
    [InlineData(null, null, null)]
    public void Watchdog_IsOnlyForTheProcessThatIsMeant(string? microseconds, string? pid, double? seconds)
        => Assert.Equal(
            seconds,
            ServiceNotifier.ReadWatchdog(microseconds, pid == "own" ? $"{Environment.ProcessId}" : pid)?.TotalSeconds);

    [Fact]
    public async Task Daemon_TellsItsStartItsLifeAndItsEnd()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        Assert.Equal(0, await daemon.StopAsync());
        using var manager = new NotifySocket(Path.Combine(daemon.Scratch, "notify"));
        await daemon.StartAgainAsync(("NOTIFY_SOCKET", manager.Address), ("WATCHDOG_USEC", "1000000"));
        Assert.Equal("READY=1", manager.Receive(s_patience));
        Assert.Equal("WATCHDOG=1", manager.Receive(s_patience));
        Assert.Equal("WATCHDOG=1", manager.Receive(s_patience));

        // One that stands still does not say that it lives.
        Signal(daemon, SigStop);
        while (manager.Receive(TimeSpan.FromMilliseconds(100)) is not null)
        {
            // What was under way.
        }

        Assert.Null(manager.Receive(TimeSpan.FromSeconds(2)));
        Signal(daemon, SigCont);
        Assert.Equal("WATCHDOG=1", manager.Receive(s_patience));
        Assert.Equal(0, await daemon.StopAsync());
        var rest = new List<string>();
        while (manager.Receive(TimeSpan.Zero) is { } message)
        {
            rest.Add(message);
        }

        Assert.Contains("STOPPING=1", rest);
    }

    [Fact]
    public async Task Daemon_WhoseSocketIsTakenAway_DoesNotSayThatItLives()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        Assert.Equal(0, await daemon.StopAsync());
        using var manager = new NotifySocket(Path.Combine(daemon.Scratch, "notify"));
        await daemon.StartAgainAsync(("NOTIFY_SOCKET", manager.Address), ("WATCHDOG_USEC", "400000"));
        File.Move(daemon.SocketPath, daemon.SocketPath + ".away");
        try
        {
            while (manager.Receive(TimeSpan.FromMilliseconds(100)) is not null)
            {
                // What was under way.
            }

            Assert.Null(manager.Receive(TimeSpan.FromSeconds(1)));
            Assert.Contains("does not answer itself", daemon.Log, StringComparison.Ordinal);
        }
        finally
        {
            File.Move(daemon.SocketPath + ".away", daemon.SocketPath);
        }
    }

    private static void Signal(CrispDaemon daemon, int signal)
    {
        using var pidfd = Crisp.Linux.Processes.PidfdOpen(daemon.ProcessId);
        Crisp.Linux.Processes.PidfdSendSignal(pidfd, signal);
    }
}
