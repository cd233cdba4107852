using Crisp.Cri.V1;
using Crisp.CriServer.Events;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Grpc.Core;
using Xunit;
using static Crisp.Cri.V1.ContainerEventType;

namespace Crisp.CriServer.Tests.Events;

public sealed class ContainerEventsTests : IDisposable
{
    private readonly EventState _state = new();

    public void Dispose() => _state.Dispose();

    [Fact]
    public async Task LifeOfAContainer_IsToldInItsOrderWithWhatWasSoAtThatMoment()
    {
        var subscription = _state.Events.Subscribe();
        var sandbox = _state.AddSandbox();
        var other = _state.AddContainer(sandbox);
        var container = _state.AddContainer(sandbox);
        EventState.Start(container);
        EventState.Stop(container);
        _state.Remove(container);
        var events = (await EventState.TakeAsync(subscription, 5)).Where(e => e.ContainerId == container.Id).ToList();
        Assert.Equal(
            [ContainerCreatedEvent, ContainerStartedEvent, ContainerStoppedEvent, ContainerDeletedEvent],
            events.Select(e => e.ContainerEventType));
        Assert.Equal(
            [ContainerState.ContainerCreated, ContainerState.ContainerRunning, ContainerState.ContainerExited],
            events.SelectMany(e => e.ContainersStatuses.Where(s => s.Id == container.Id)).Select(s => s.State));
        Assert.Equal([2, 2, 2, 1], events.Select(e => e.ContainersStatuses.Count));
        Assert.All(events, e => Assert.Contains(e.ContainersStatuses, s => s.Id == other.Id));
        Assert.All(events, e => Assert.Equal((sandbox.Id, "uid"), (e.PodSandboxStatus.Id, e.PodSandboxStatus.Metadata.Uid)));
        Assert.All(events, e => Assert.True(e.CreatedAt > 1_600_000_000_000_000_000));
    }

    [Fact]
    public async Task LifeOfAPod_IsToldUnderThePodsId()
    {
        var subscription = _state.Events.Subscribe();
        var sandbox = _state.AddSandbox(SandboxStage.Creating);
        sandbox.Change(r => r with { Stage = SandboxStage.Ready });
        sandbox.Change(r => r with { Stage = SandboxStage.NotReady });
        _state.Remove(sandbox);
        var events = await EventState.TakeAsync(subscription, 4);
        Assert.All(events, e => Assert.Equal(sandbox.Id, e.ContainerId));
        Assert.Equal(
            [ContainerCreatedEvent, ContainerStartedEvent, ContainerStoppedEvent, ContainerDeletedEvent],
            events.Select(e => e.ContainerEventType));
        Assert.Equal(
            [PodSandboxState.SandboxReady, PodSandboxState.SandboxReady, PodSandboxState.SandboxNotready, PodSandboxState.SandboxNotready],
            events.Select(e => e.PodSandboxStatus.State));
    }

    [Fact]
    public async Task PodThatCouldNotBeMade_NeverWasThere()
    {
        var subscription = _state.Events.Subscribe();
        _state.Remove(_state.AddSandbox(SandboxStage.Creating));
        var seen = _state.AddContainer(_state.AddSandbox());
        Assert.Equal(seen.Id, Assert.Single(await EventState.TakeAsync(subscription, 1)).ContainerId);
    }

    [Fact]
    public async Task ChangesThatAreNoSteps_AreNotTold()
    {
        var subscription = _state.Events.Subscribe();
        var container = _state.AddContainer(_state.AddSandbox());
        container.Change(r => r with { LogPath = "/elsewhere" });
        container.Change(r => r);
        EventState.Start(container);
        Assert.Equal(
            [ContainerCreatedEvent, ContainerStartedEvent],
            (await EventState.TakeAsync(subscription, 2)).Select(e => e.ContainerEventType));
    }

    [Fact]
    public async Task EverySubscriber_GetsEveryEventSinceItsOwnBeginning()
    {
        var first = _state.Events.Subscribe();
        var container = _state.AddContainer(_state.AddSandbox());
        var second = _state.Events.Subscribe();
        EventState.Start(container);
        Assert.Equal(2, (await EventState.TakeAsync(first, 2)).Count);
        Assert.Equal(ContainerStartedEvent, Assert.Single(await EventState.TakeAsync(second, 1)).ContainerEventType);
        Assert.Equal(2, _state.Events.Subscribers);
        _state.Events.Unsubscribe(first);
        Assert.Equal(1, _state.Events.Subscribers);
    }

    [Fact]
    public async Task ManyAtOnce_KeepTheOrderOfEach()
    {
        const int Count = 60;
        var subscription = _state.Events.Subscribe();
        var sandbox = _state.AddSandbox();
        await Parallel.ForEachAsync(Enumerable.Range(0, Count), async (_, _) =>
        {
            await Task.Yield();
            var container = _state.AddContainer(sandbox);
            EventState.Start(container);
            EventState.Stop(container);
            _state.Remove(container);
        });
        var events = await EventState.TakeAsync(subscription, 4 * Count);
        Assert.All(events.GroupBy(e => e.ContainerId), life => Assert.Equal(
            [ContainerCreatedEvent, ContainerStartedEvent, ContainerStoppedEvent, ContainerDeletedEvent],
            life.Select(e => e.ContainerEventType)));
    }

    [Fact]
    public async Task SubscriberThatReadsNoEvents_IsDroppedAndOthersAreNot()
    {
        var lazy = _state.Events.Subscribe();
        var eager = _state.Events.Subscribe();
        var container = _state.AddContainer(_state.AddSandbox(), r => r with { Labels = new Dictionary<string, string>() });
        for (var i = 0; i <= EventSubscription.MostEvents; i++)
        {
            _state.Events.Removed(container);
            Assert.Single(await EventState.TakeAsync(eager, 1));
        }

        var error = await Assert.ThrowsAsync<CriException>(() => lazy.Ended);
        Assert.Equal(StatusCode.ResourceExhausted, error.Code);
        Assert.False(eager.Ended.IsCompleted);
    }

    [Fact]
    public async Task LargeEventsLeftUnread_AreBoundedInBytes()
    {
        var subscription = _state.Events.Subscribe();
        var container = _state.AddContainer(
            _state.AddSandbox(), r => r with { Annotations = new Dictionary<string, string> { ["a"] = new('x', 1 << 20) } });
        for (var i = 0; i < EventSubscription.MostBytes >> 20; i++)
        {
            _state.Events.Removed(container);
        }

        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<CriException>(() => subscription.Ended)).Code);
    }

    [Fact]
    public async Task Close_EndsWhatListensNowAndLater()
    {
        var before = _state.Events.Subscribe();
        _state.Events.Close();
        var after = _state.Events.Subscribe();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => EventState.TakeAsync(before, 1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => EventState.TakeAsync(after, 1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => after.Ended);
    }
}
