using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Crisp.Images.Tests;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Networking;

/// <summary>
/// Many pods at once on CNI's real plugins, and a daemon that is killed among them: the addresses that host-local has given away
/// are those of the pods, no more and no less.
/// </summary>
public sealed class LeaseTests : IAsyncLifetime
{
    private const int Pods = 10;
    private const int AddressesOfPod = 2;
    private readonly RealNetworkNode _network = new();

    private PodNode Node => _network.Pods;

    public ValueTask InitializeAsync() => _network.InitializeAsync();

    public ValueTask DisposeAsync() => _network.DisposeAsync();

    [Fact]
    public async Task Leases_AreThePodsAddressesAfterKillsAmongStartsAndRemovals()
    {
        var starts = Task.WhenAll(Enumerable.Range(0, Pods).Select(RunAsync));
        await Eventually.TrueAsync(() => _network.Host.Leases.Count >= Pods / 2 * AddressesOfPod);
        await KillAsync();
        var pods = await starts;
        Assert.Superset(pods.ToHashSet(), (await CompareAsync()).ToHashSet());

        var removals = Task.WhenAll(pods.Select(RemoveAsync));
        await Eventually.TrueAsync(() => _network.Host.Leases.Count <= Pods / 2 * AddressesOfPod);
        await KillAsync();
        await removals;
        Assert.Empty((await CompareAsync()).Intersect(pods));

        // Pods whose start nobody heard of.
        await Node.Daemon.RemovePodsAsync();
        Assert.Empty(await CompareAsync());
        Assert.Empty(_network.Host.Remains);
    }

    /// <returns>The pods that there are.</returns>
    private async Task<IReadOnlyList<string>> CompareAsync()
    {
        var pods = (await Node.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items.Select(p => p.Id).ToList();
        var addresses = new List<string>();
        foreach (var pod in pods)
        {
            var network = (await Node.PodStatusAsync(pod)).Network;
            addresses.AddRange(network.AdditionalIps.Select(ip => ip.Ip).Prepend(network.Ip).Where(ip => ip.Length > 0));
        }

        Assert.Equal(addresses.Order(StringComparer.Ordinal), _network.Host.Leases);
        return pods;
    }

    private async Task KillAsync()
    {
        await Node.Daemon.KillAsync();
        await Node.Daemon.StartAgainAsync();
    }

    // As a kubelet: what was not answered, or failed, is tried again, as another attempt. Some of the first pods fail, because
    // portmap makes its chains without looking whether another does.
    private async Task<string> RunAsync(int number)
    {
        var config = Node.NetworkPodConfig(c => c.PortMappings.Add(new PortMapping { HostPort = 19000 + number, ContainerPort = 80 }));
        return await StubbornlyAsync(async attempt =>
        {
            config.Metadata.Attempt = attempt;
            return (await Node.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config })).PodSandboxId;
        });
    }

    private async Task RemoveAsync(string pod) => await StubbornlyAsync(async _ =>
    {
        await Node.StopPodAsync(pod);
        await Node.RemovePodAsync(pod);
        return pod;
    });

    private static async Task<string> StubbornlyAsync(Func<uint, Task<string>> call)
    {
        for (uint attempt = 0; ; attempt++)
        {
            try
            {
                return await call(attempt);
            }
            catch (Exception e) when (attempt < 200 && e is ObjectDisposedException or RpcException { StatusCode: StatusCode.Unavailable or StatusCode.Cancelled or StatusCode.FailedPrecondition })
            {
                await Task.Delay(100);
            }
        }
    }
}
