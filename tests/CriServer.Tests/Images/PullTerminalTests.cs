using Crisp.CriServer.Tests.CommandLine;
using Crisp.CriServer.Tests.Daemon;
using Crisp.Images.Tests;
using Crisp.Images.Tests.Pull;
using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.CriServer.Tests.Images;

/// <summary>crisp pull on a terminal: what a person sees of a pull that takes its time.</summary>
public sealed class PullTerminalTests
{
    [Fact]
    public async Task Layers_HaveABarEachUntilTheImageIsThere()
    {
        var (lines, end, image) = await PullAsync(columns: 120, rows: 24);
        Assert.Equal(4, lines.Count);
        Assert.Equal(2, lines.Count(l => l.Contains($"[{new string('=', 30)}] 1.1 of 1.1 MB", StringComparison.Ordinal)));
        Assert.Equal(1, lines.Count(l => l.Contains($"[{new string(' ', 30)}] 0.0 of 1.1 MB", StringComparison.Ordinal)));
        Assert.StartsWith("2 of 3 layers, 2.2 of 3.3 MB, ", lines[3], StringComparison.Ordinal);
        Assert.Equal([image], end);
    }

    [Fact]
    public async Task NarrowTerminal_IsNotWrapped()
    {
        var (lines, end, image) = await PullAsync(columns: 40, rows: 24);
        Assert.Equal(4, lines.Count);
        Assert.StartsWith("2 of 3 layers, 2.2 of 3.3 MB", lines[3], StringComparison.Ordinal);
        Assert.Equal(image, string.Concat(end));
    }

    [Fact]
    public async Task LowTerminal_ShowsWhatIsUnderWay()
    {
        var (lines, end, image) = await PullAsync(columns: 120, rows: 4);
        Assert.Equal(2, lines.Count);
        Assert.Contains("] 0.0 of 1.1 MB", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("2 of 3 layers, ", lines[1], StringComparison.Ordinal);
        Assert.Equal([image], end);
    }

    [Fact]
    public async Task CtrlC_LeavesAnEmptyScreenAndTheTerminalAsItWas()
    {
        Require();
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        ServedImage.Large(1, 1 << 20).On(registry);
        registry.Gate = async context =>
        {
            if (context.Request.Path.Value!.Contains("/blobs/", StringComparison.Ordinal))
            {
                await FakeRegistry.UntilGoneAsync(context);
            }

            return false;
        };
        using var terminal = CrispTerminal.Start(120, 24, "pull", "--socket", daemon.SocketPath, $"{registry.Name}/app:1");
        var modes = terminal.Modes;
        await Eventually.TrueAsync(() => registry.Requests.Any(r => r.Path.Contains("/blobs/", StringComparison.Ordinal)));
        terminal.Type("\u0003");
        Assert.Equal(130, await terminal.EndAsync());
        Assert.Equal(["^C"], terminal.Screen);
        Assert.Equal(modes, terminal.Modes);
    }

    /// <returns>The screen while one of three layers is held up, the screen at the end, and the line that tells the image.</returns>
    private static async Task<(IReadOnlyList<string> During, IReadOnlyList<string> End, string Image)> PullAsync(int columns, int rows)
    {
        Require();
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        var served = ServedImage.Large(3, 1 << 20).On(registry);
        var go = new TaskCompletionSource();
        registry.Gate = async context =>
        {
            if (context.Request.Path.Value == served.LayerPath(1))
            {
                await go.Task;
            }

            return false;
        };
        using var terminal = CrispTerminal.Start(columns, rows, "pull", "--socket", daemon.SocketPath, $"{registry.Name}/app:1");
        await Eventually.TrueAsync(() => terminal.Screen.Any(l => l.StartsWith("2 of 3 layers, ", StringComparison.Ordinal)));
        var during = terminal.Screen;
        go.SetResult();
        Assert.Equal(0, await terminal.EndAsync());
        return (during, terminal.Screen, $"{registry.Name}/app:1 {served.Id}");
    }

    private static void Require() => Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists("/usr/bin/setsid"), "Needs root and setsid.");
}
