using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Xunit;

namespace Crisp.CriServer.Tests.Runtime;

public sealed class StatusTests
{
    [Fact]
    public async Task Version_IsWhatTheKubeletExpects()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var version = await daemon.Runtime.VersionAsync(new VersionRequest());
        Assert.Equal("0.1.0", version.Version);
        Assert.Equal("v1", version.RuntimeApiVersion);
        Assert.Equal("crisp", version.RuntimeName);
    }

    [Fact]
    public async Task Status_IsReadyWithoutANetworkAndShowsItsConfiguration()
    {
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("config.toml");
        await File.WriteAllTextAsync(file, $"cni.conf_dir = \"{directory.Combine("net.d")}\"\n");
        await using var daemon = await CrispDaemon.StartAsync("--config", file);
        var brief = await daemon.Runtime.StatusAsync(new StatusRequest());
        Assert.Empty(brief.Info);
        Assert.Equal(
            [("RuntimeReady", true), ("NetworkReady", false)],
            brief.Status.Conditions.Select(condition => (condition.Type, condition.Status)));
        Assert.Equal(["", "crisp"], brief.RuntimeHandlers.Select(handler => handler.Name));

        var verbose = await daemon.Runtime.StatusAsync(new StatusRequest { Verbose = true });
        Assert.Contains($"\"root\":\"{daemon.Root}\"", verbose.Info["config"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task RuntimeConfig_SaysCgroupfs()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var config = await daemon.Runtime.RuntimeConfigAsync(new RuntimeConfigRequest());
        Assert.Equal(CgroupDriver.Cgroupfs, config.Linux.CgroupDriver);
    }
}
