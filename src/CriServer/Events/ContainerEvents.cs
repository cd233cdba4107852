using System.Collections.Immutable;
using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;

namespace Crisp.CriServer.Events;

/// <summary>
/// Turns changes of records into CRI's events for all who listen. As in other runtimes a pod has events too: their
/// container_id is the pod's.
/// </summary>
/// <param name="sandboxOf">A container's pod; null when its record was lost.</param>
public sealed class ContainerEvents(Func<LiveContainer, LiveSandbox?> sandboxOf) : IStateObserver
{
    private ImmutableList<EventSubscription> _subscriptions = [];
    private volatile bool _closed;

    /// <summary>How many clients listen.</summary>
    public int Subscribers => _subscriptions.Count;

    /// <summary>Every event from now on.</summary>
    public EventSubscription Subscribe()
    {
        var subscription = new EventSubscription();
        ImmutableInterlocked.Update(ref _subscriptions, list => list.Add(subscription));
        if (_closed)
        {
            Close();
        }

        return subscription;
    }

    public void Unsubscribe(EventSubscription subscription)
        => ImmutableInterlocked.Update(ref _subscriptions, list => list.Remove(subscription));

    /// <summary>Ends every subscription: a daemon that stops would wait for streams that never end.</summary>
    public void Close()
    {
        _closed = true;
        foreach (var subscription in _subscriptions)
        {
            subscription.End(new OperationCanceledException("The daemon stops."));
        }
    }

    public void Added(LiveContainer container) => Send(container, ContainerEventType.ContainerCreatedEvent);

    public void Changed(LiveContainer container, ContainerRecord before)
    {
        var stage = container.Record.Stage;
        if (stage != before.Stage)
        {
            Send(container, stage == ContainerStage.Running ? ContainerEventType.ContainerStartedEvent : ContainerEventType.ContainerStoppedEvent);
        }
    }

    public void Removed(LiveContainer container) => Send(container, ContainerEventType.ContainerDeletedEvent);

    public void Changed(LiveSandbox sandbox, SandboxRecord before)
    {
        switch (before.Stage, sandbox.Record.Stage)
        {
            case (SandboxStage.Creating, SandboxStage.Ready):
                Send(sandbox.Id, sandbox, ContainerEventType.ContainerCreatedEvent);
                Send(sandbox.Id, sandbox, ContainerEventType.ContainerStartedEvent);
                break;
            case (SandboxStage.Ready, SandboxStage.NotReady):
                Send(sandbox.Id, sandbox, ContainerEventType.ContainerStoppedEvent);
                break;
        }
    }

    public void Removed(LiveSandbox sandbox)
    {
        // One whose creation failed never was there for callers.
        if (sandbox.Record.Stage != SandboxStage.Creating)
        {
            Send(sandbox.Id, sandbox, ContainerEventType.ContainerDeletedEvent);
        }
    }

    private void Send(LiveContainer container, ContainerEventType type) => Send(container.Id, sandboxOf(container), type);

    private void Send(string id, LiveSandbox? sandbox, ContainerEventType type)
    {
        var subscriptions = _subscriptions;
        if (subscriptions.IsEmpty)
        {
            return;
        }

        // One object for all: nobody changes it any more.
        var response = new ContainerEventResponse { ContainerId = id, ContainerEventType = type, CreatedAt = Node.Now() };
        if (sandbox is not null)
        {
            response.PodSandboxStatus = SandboxView.Status(sandbox.Record);
            response.ContainersStatuses.AddRange(
                sandbox.Containers.Values.OrderBy(c => c.Record.CreatedAt).Select(c => ContainerView.Status(c.Record)));
        }

        foreach (var subscription in subscriptions)
        {
            subscription.Add(response);
        }
    }
}
