using Crisp.Cri.V1;
using Xunit;

namespace Crisp.CriServer.Tests.Daemon;

public sealed class ConfigurationTests
{
    [Fact]
    public async Task Serve_TakesTheFileAndLetsOptionsOverrideIt()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("config.toml");
        await File.WriteAllTextAsync(file, "root = \"/no/such/root\"\nshutdown_timeout = \"7s\"\nlog.format = \"json\"\n");
        await using var daemon = await CrispDaemon.StartAsync("--config", file);
        var status = await daemon.Runtime.StatusAsync(new StatusRequest { Verbose = true });
        Assert.Contains("\"shutdownTimeout\":\"00:00:07\"", status.Info["config"], StringComparison.Ordinal);
        Assert.Contains($"\"root\":\"{daemon.Root}\"", status.Info["config"], StringComparison.Ordinal);
        Assert.StartsWith("{", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_SaysAllThatIsWrongWithTheFileAndEnds()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("config.toml");
        await File.WriteAllTextAsync(file, "rot = \"/a\"\nrun = 1\n");
        var (code, _, error) = await CrispProcess.RunAsync("serve", "--config", file);
        Assert.Equal(1, code);
        Assert.Equal(2, error.Split('\n').Count(line => line.StartsWith($"crisp: {file}:", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Show_PrintsWhatTheFileMakes()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("config.toml");
        await File.WriteAllTextAsync(file, "run = \"/run/other\"\n");
        var (code, output, _) = await CrispProcess.RunAsync("config", "show", "--config", file);
        Assert.Equal(0, code);
        Assert.Contains("\nrun = \"/run/other\"\n", output, StringComparison.Ordinal);
        Assert.Contains("\n# socket = \"/run/other/crisp.sock\"\n", output, StringComparison.Ordinal);
    }
}
