using System.Text;
using Crisp.Api.V1;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.Tests.Daemon;
using Crisp.Images.Tests.Pull;
using Crisp.Images.Tests.Registry;
using Xunit;

namespace Crisp.CriServer.Tests.Images;

public sealed class PullCommandTests
{
    [Fact]
    public async Task Pull_PrintsTheImageAndIsQuietWithoutATerminal()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Unpacking layers needs root.");
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        var served = ServedImage.Large(3, 1 << 20).On(registry);
        var result = await CrispProcess.RunAsync("pull", "--socket", daemon.SocketPath, $"{registry.Name}/app:1");
        Assert.Equal((0, $"{registry.Name}/app:1 {served.Id}\n", ""), result);
    }

    [Fact]
    public async Task Credentials_AreTaken()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Unpacking layers needs root.");
        await using var registry = await FakeRegistry.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        ServedImage.Large(1, 1000).On(registry);
        var right = $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes("user:pass:word"))}";
        registry.Gate = context =>
        {
            var isRight = context.Request.Headers.Authorization == right;
            context.Response.StatusCode = isRight ? 200 : 401;
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"x\"";
            return Task.FromResult(!isRight);
        };
        var reference = $"{registry.Name}/app:1";
        var (refused, _, reason) = await CrispProcess.RunAsync("pull", "--socket", daemon.SocketPath, reference);
        Assert.Equal(1, refused);
        Assert.StartsWith($"crisp: {reference} was not pulled. ", reason, StringComparison.Ordinal);
        Assert.Contains("401", reason, StringComparison.Ordinal);
        Assert.Equal(0, (await CrispProcess.RunAsync("pull", "--socket", daemon.SocketPath, "--creds", "user:pass:word", reference)).Code);
        var (code, _, error) = await CrispProcess.RunAsync("pull", "--socket", daemon.SocketPath, "--creds", "user", reference);
        Assert.Equal(1, code);
        Assert.Contains("USER:PASSWORD", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnreachableRegistry_IsSaidWithoutTheKubeletsWord()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var (code, _, error) = await CrispProcess.RunAsync("pull", "--socket", daemon.SocketPath, "127.0.0.1:1/app:1");
        Assert.Equal(1, code);
        Assert.StartsWith("crisp: 127.0.0.1:1/app:1 was not pulled. 127.0.0.1:1 cannot be reached", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Bars_ShowEveryLayerAndLeaveNothing()
    {
        var screen = new StringWriter();
        var bars = new PullBars(screen, () => new ScreenSize(80, 24));
        bars.Show(Layer('a', 1_000_000, 500_000, 2_000_000));
        Thread.Sleep(150);
        bars.Show(Layer('b', 3_000_000, 3_000_000, 3_000_000));
        var text = screen.ToString();
        Assert.Contains($"aaaaaaaaaaaa [{new string('=', 7)}{new string('-', 8)}{new string(' ', 15)}] 1.0 of 2.0 MB\n", text, StringComparison.Ordinal);
        Assert.Contains($"bbbbbbbbbbbb [{new string('=', 30)}] 3.0 of 3.0 MB\n", text, StringComparison.Ordinal);
        Assert.Contains("1 of 2 layers, 4.0 of 5.0 MB", text, StringComparison.Ordinal);
        bars.Clear();
        Assert.EndsWith("\u001b[3A\r\u001b[J", screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Bars_DrawNoMoreThanTheScreenHolds()
    {
        var screen = new StringWriter();
        var bars = new PullBars(screen, () => new ScreenSize(80, 6));
        for (var i = 0; i < 20; i++)
        {
            bars.Show(Layer((char)('a' + i), i < 5 ? 10 : 0, i < 5 ? 10 : 0, 10));
        }

        screen.GetStringBuilder().Clear();
        Thread.Sleep(150);
        bars.Show(Layer('t', 5, 0, 10));
        Assert.Equal(5, screen.ToString().Count(c => c == '\n'));
        Assert.Contains("5 of 20 layers", screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Bars_WithoutATerminalAreSilent()
    {
        var screen = new StringWriter();
        var bars = new PullBars(screen, () => null);
        bars.Show(Layer('a', 1, 1, 2));
        bars.Clear();
        Assert.Empty(screen.ToString());
    }

    private static PullProgress Layer(char digit, long downloaded, long unpacked, long total)
        => new() { Layer = $"sha256:{new string(digit, 64)}", Downloaded = downloaded, Unpacked = unpacked, Total = total };
}
