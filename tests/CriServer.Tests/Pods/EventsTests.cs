using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;
using static Crisp.Cri.V1.ContainerEventType;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>GetContainerEvents while real pods live and die.</summary>
public sealed class EventsTests(PodNode node) : IClassFixture<PodNode>
{
    private static readonly ContainerEventType[] _life = [ContainerCreatedEvent, ContainerStartedEvent, ContainerStoppedEvent, ContainerDeletedEvent];

    [Fact]
    public async Task LifeOfAPodAndItsContainer_IsTold()
    {
        PodNode.Require();
        using var call = await ListenAsync();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "exit 3"]);
        await node.EndAsync(container);
        await node.RemoveAsync(container);
        await node.StopPodAsync(pod);
        await node.RemovePodAsync(pod);
        var events = await UntilDeletedAsync(call, pod);
        Assert.Equal(_life, events.Where(e => e.ContainerId == pod).Select(e => e.ContainerEventType));
        var own = events.Where(e => e.ContainerId == container).ToList();
        Assert.Equal(_life, own.Select(e => e.ContainerEventType));
        var stopped = Assert.Single(own[2].ContainersStatuses);
        Assert.Equal((ContainerState.ContainerExited, 3, "Error"), (stopped.State, stopped.ExitCode, stopped.Reason));
        Assert.Equal(ContainerState.ContainerRunning, Assert.Single(own[1].ContainersStatuses).State);
        Assert.Empty(own[3].ContainersStatuses);
        Assert.All(own, e => Assert.Equal((pod, PodSandboxState.SandboxReady), (e.PodSandboxStatus.Id, e.PodSandboxStatus.State)));
        Assert.Equal(events.Select(e => e.CreatedAt).Order(), events.Select(e => e.CreatedAt));
    }

    [Fact]
    public async Task ContainerThatIsRemovedWhileItRuns_StopsBeforeItIsDeleted()
    {
        PodNode.Require();
        using var call = await ListenAsync();
        var pod = await node.RunPodAsync();
        var container = await node.SleeperAsync(pod);
        await node.RemoveAsync(container);
        await node.RemovePodAsync(pod);
        var own = (await UntilDeletedAsync(call, pod)).Where(e => e.ContainerId == container).ToList();
        Assert.Equal(_life, own.Select(e => e.ContainerEventType));
        Assert.Equal(137, Assert.Single(own[2].ContainersStatuses).ExitCode);
    }

    [Fact]
    public async Task PodThatIsRemovedWhole_TellsEachContainersEnd()
    {
        PodNode.Require();
        using var call = await ListenAsync();
        var pod = await node.RunPodAsync();
        var containers = new[] { await node.SleeperAsync(pod), await node.SleeperAsync(pod), await node.CreateAsync(pod, ["true"]) };
        await node.RemovePodAsync(pod);
        var events = await UntilDeletedAsync(call, pod);
        Assert.Equal(_life, events.Where(e => e.ContainerId == containers[0]).Select(e => e.ContainerEventType));
        Assert.Equal(_life, events.Where(e => e.ContainerId == containers[1]).Select(e => e.ContainerEventType));
        Assert.Equal(
            [ContainerCreatedEvent, ContainerStoppedEvent, ContainerDeletedEvent],
            events.Where(e => e.ContainerId == containers[2]).Select(e => e.ContainerEventType));
        Assert.Equal((pod, ContainerDeletedEvent), (events[^1].ContainerId, events[^1].ContainerEventType));
    }

    private async Task<AsyncServerStreamingCall<ContainerEventResponse>> ListenAsync()
    {
        var call = node.Runtime.GetContainerEvents(new GetEventsRequest());
        await call.ResponseHeadersAsync;
        return call;
    }

    private static async Task<List<ContainerEventResponse>> UntilDeletedAsync(AsyncServerStreamingCall<ContainerEventResponse> call, string pod)
    {
        var events = new List<ContainerEventResponse>();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await foreach (var one in call.ResponseStream.ReadAllAsync(patience.Token))
        {
            events.Add(one);
            if (one.ContainerId == pod && one.ContainerEventType == ContainerDeletedEvent)
            {
                break;
            }
        }

        return events;
    }
}
