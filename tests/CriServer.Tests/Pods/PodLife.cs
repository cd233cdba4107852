using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Networking;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>
/// A pod's whole life as a kubelet drives it: each call is repeated until it has an answer, whatever becomes of the daemon
/// meanwhile.
/// </summary>
/// <param name="node">Its daemon may die at any moment.</param>
/// <param name="handler">Of the pod.</param>
/// <param name="revive">Called after each failed call; returns when there is a daemon again.</param>
internal sealed class PodLife(PodNode node, string handler, Func<Task> revive)
{
    /// <summary>Calls that had to be repeated.</summary>
    public int Repeated { get; private set; }

    public async Task RunAsync(CancellationToken cancellation)
    {
        var podRequest = new RunPodSandboxRequest { Config = node.NetworkPodConfig(), RuntimeHandler = handler };
        var pod = await CallAsync(async () => (await node.Runtime.RunPodSandboxAsync(podRequest)).PodSandboxId, cancellation);
        Assert.Equal(LeaseNetwork.AddressOf(pod), (await CallAsync(() => node.PodStatusAsync(pod), cancellation)).Network.Ip);
        var request = new CreateContainerRequest { PodSandboxId = pod, Config = node.ContainerConfig(["sleep", "1000"]), SandboxConfig = podRequest.Config };
        var container = await CallAsync(async () => (await node.Runtime.CreateContainerAsync(request)).ContainerId, cancellation);
        await CallAsync(() => node.StartAsync(container), cancellation);
        Assert.Equal(ContainerState.ContainerRunning, (await CallAsync(() => node.StatusAsync(container), cancellation)).State);
        await CallAsync(() => UpdateAsync(container), cancellation);
        Assert.Equal(512, (await CallAsync(() => node.StatusAsync(container), cancellation)).Resources.Linux.CpuShares);
        await CallAsync(() => node.StopAsync(container, timeout: 1), cancellation);
        Assert.Equal(ContainerState.ContainerExited, (await CallAsync(() => node.StatusAsync(container), cancellation)).State);
        await CallAsync(() => node.RemoveAsync(container), cancellation);
        var second = new CreateContainerRequest { PodSandboxId = pod, Config = node.ContainerConfig(["sleep", "1000"]), SandboxConfig = podRequest.Config };
        var left = await CallAsync(async () => (await node.Runtime.CreateContainerAsync(second)).ContainerId, cancellation);
        await CallAsync(() => node.StartAsync(left), cancellation);
        await CallAsync(() => node.StopPodAsync(pod), cancellation);
        Assert.Equal(PodSandboxState.SandboxNotready, (await CallAsync(() => node.PodStatusAsync(pod), cancellation)).State);
        await CallAsync(() => node.RemovePodAsync(pod), cancellation);
        var pods = await CallAsync(async () => await node.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest()), cancellation);
        Assert.DoesNotContain(pods.Items, p => p.Metadata.Name == podRequest.Config.Metadata.Name);
    }

    private async Task UpdateAsync(string container) => await node.Runtime.UpdateContainerResourcesAsync(
        new UpdateContainerResourcesRequest { ContainerId = container, Linux = new LinuxContainerResources { CpuShares = 512 } });

    private async Task CallAsync(Func<Task> call, CancellationToken cancellation) => await CallAsync(
        async () =>
        {
            await call();
            return true;
        },
        cancellation);

    private async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return await call();
            }
            catch (Exception e) when (IsDeath(e))
            {
                Repeated++;
                await revive();
            }
        }
    }

    // What a client sees of a daemon that dies: no connection, a cut one, or a channel that the revival has disposed.
    private static bool IsDeath(Exception error) => error is ObjectDisposedException
        or RpcException { StatusCode: StatusCode.Unavailable or StatusCode.Cancelled }
        or RpcException { StatusCode: StatusCode.Internal, Status.DebugException: not null };
}
