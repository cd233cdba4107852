using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Grpc.Core;
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
            [("RuntimeReady", true), ("NetworkReady", false), ("RuntimeHandlerReady/kvm", false)],
            brief.Status.Conditions.Select(condition => (condition.Type, condition.Status)));
        Assert.Equal(["", "crisp", "kvm"], brief.RuntimeHandlers.Select(handler => handler.Name));

        var verbose = await daemon.Runtime.StatusAsync(new StatusRequest { Verbose = true });
        Assert.Contains($"\"root\":\"{daemon.Root}\"", verbose.Info["config"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task RuntimeConfig_SaysTheCgroupDriver()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var config = await daemon.Runtime.RuntimeConfigAsync(new RuntimeConfigRequest());
        Assert.Equal(TestCgroups.IsSystemd ? CgroupDriver.Systemd : CgroupDriver.Cgroupfs, config.Linux.CgroupDriver);
    }

    [Fact]
    public async Task Features_AreWhatContainersCanHave()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var status = await daemon.Runtime.StatusAsync(new StatusRequest());
        Assert.True(status.Features.SupplementalGroupsPolicy);
        Assert.True(status.Features.MountOptions);
        Assert.All(status.RuntimeHandlers, handler => Assert.True(handler.Features.RecursiveReadOnlyMounts));
        var userNamespaces = (await File.ReadAllTextAsync("/proc/sys/user/max_user_namespaces", TestContext.Current.CancellationToken)).Trim() != "0";
        Assert.Equal(userNamespaces, status.Features.UserNamespacesHostNetwork);
        Assert.All(status.RuntimeHandlers, handler => Assert.Equal(userNamespaces && handler.Name != "kvm", handler.Features.UserNamespaces));
    }

    [Fact]
    public async Task Checkpoints_AreUnimplementedWithASentence()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        await RefusedAsync("c cannot be checkpointed", () => daemon.Runtime.CheckpointContainerAsync(new CheckpointContainerRequest { ContainerId = "c" }).ResponseAsync);
        await RefusedAsync("p cannot be checkpointed", () => daemon.Runtime.CheckpointPodAsync(new CheckpointPodRequest { PodSandboxId = "p" }).ResponseAsync);
        await RefusedAsync("No pod can be restored", () => daemon.Runtime.RestorePodAsync(new RestorePodRequest()).ResponseAsync);

        static async Task RefusedAsync(string sentence, Func<Task> call)
        {
            var error = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal(StatusCode.Unimplemented, error.StatusCode);
            Assert.Contains(sentence, error.Status.Detail, StringComparison.Ordinal);
        }
    }
}
