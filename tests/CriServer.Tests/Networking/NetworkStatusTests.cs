using System.Diagnostics;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Networking;

/// <summary>NetworkReady, and what it says, over real gRPC.</summary>
public sealed class NetworkStatusTests : IAsyncLifetime
{
    private readonly LeaseNetwork _network = new();
    private CrispDaemon _daemon = null!;

    public async ValueTask InitializeAsync() => _daemon = await CrispDaemon.StartAsync("--config", _network.ConfigFile);

    public async ValueTask DisposeAsync()
    {
        await _daemon.DisposeAsync();
        _network.Dispose();
    }

    [Fact]
    public async Task Network_IsReadyOnceItsFileIsThere()
    {
        Assert.Equal((true, "", ""), await ConditionAsync());

        File.Delete(_network.NetworkFile);
        var (ready, reason, message) = await ConditionAsync();
        Assert.Equal((false, "NetworkPluginNotReady"), (ready, reason));
        Assert.Contains("There is no CNI configuration in ", message, StringComparison.Ordinal);

        Directory.Delete(Path.GetDirectoryName(_network.NetworkFile)!);
        Assert.Contains("does not exist", (await ConditionAsync()).Message, StringComparison.Ordinal);

        Directory.CreateDirectory(Path.GetDirectoryName(_network.NetworkFile)!);
        _network.Configure();
        Assert.True((await ConditionAsync()).Ready);
        Assert.Contains("The pods' network is crispt", _daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BrokenFile_LeavesTheNetworkAndIsNamed()
    {
        Assert.True((await ConditionAsync()).Ready);

        await File.WriteAllTextAsync(_network.NetworkFile, "{");
        var (ready, _, message) = await ConditionAsync();

        Assert.True(ready);
        Assert.Contains(_network.NetworkFile, message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MissingPlugin_IsNamed()
    {
        await File.WriteAllTextAsync(_network.NetworkFile, """{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"calico"}]}""");

        var (ready, reason, message) = await ConditionAsync();

        Assert.Equal((false, "NetworkPluginNotReady"), (ready, reason));
        Assert.Contains("The CNI plugin calico is not installed", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PluginThatIsNotAvailable_IsQuoted()
    {
        _network.Behave("""[ $CNI_COMMAND != STATUS ] || { echo '{"code":50,"msg":"the agent is away"}'; exit 1; }""");
        _network.Configure("1.1.0");

        var (ready, _, message) = await ConditionAsync();

        Assert.False(ready);
        Assert.Contains("the agent is away", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PluginThatHangsInStatus_DoesNotHoldTheCallUp()
    {
        _network.Behave("[ $CNI_COMMAND != STATUS ] || sleep 8");
        _network.Configure("1.1.0");

        var clock = Stopwatch.StartNew();
        var (ready, _, message) = await ConditionAsync();

        Assert.False(ready);
        Assert.Contains("have not answered STATUS", message, StringComparison.Ordinal);
        Assert.InRange(clock.Elapsed.TotalSeconds, 1.9, 6);
    }

    [Fact]
    public async Task UpdateRuntimeConfig_TakesPodCidrs()
    {
        await UpdateAsync("10.1.0.0/24,fd00:1::/64");
        await UpdateAsync("");
        await _daemon.Runtime.UpdateRuntimeConfigAsync(new UpdateRuntimeConfigRequest());
        Assert.Contains("10.1.0.0/24,fd00:1::/64", _daemon.Log, StringComparison.Ordinal);

        var error = await Assert.ThrowsAsync<RpcException>(() => UpdateAsync("10.1.0.0"));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
    }

    private async Task UpdateAsync(string cidr) => await _daemon.Runtime.UpdateRuntimeConfigAsync(
        new UpdateRuntimeConfigRequest { RuntimeConfig = new RuntimeConfig { NetworkConfig = new NetworkConfig { PodCidr = cidr } } });

    private async Task<(bool Ready, string Reason, string Message)> ConditionAsync()
    {
        var status = await _daemon.Runtime.StatusAsync(new StatusRequest());
        var condition = Assert.Single(status.Status.Conditions, c => c.Type == "NetworkReady");
        return (condition.Status, condition.Reason, condition.Message);
    }
}
