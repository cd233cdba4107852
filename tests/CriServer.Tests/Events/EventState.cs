using Crisp.Cri.V1;
using Crisp.CriServer.Events;
using Crisp.CriServer.State;
using Crisp.CriServer.Tests.State;

namespace Crisp.CriServer.Tests.Events;

/// <summary>An index over records in a temporary directory, and the events that its changes bring about.</summary>
internal sealed class EventState : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordStore<SandboxRecord> _sandboxes;
    private readonly RecordStore<ContainerRecord> _containers;

    public EventState()
    {
        _sandboxes = new(_directory.Combine("s"), _directory.Combine("aside"), 1, RecordJson.Default.SandboxRecord);
        _containers = new(_directory.Combine("c"), _directory.Combine("aside"), 1, RecordJson.Default.ContainerRecord);
        Events = new ContainerEvents(c => Index!.SandboxOf(c));
        Index = new StateIndex(Events);
    }

    public StateIndex Index { get; }

    public ContainerEvents Events { get; }

    public LiveSandbox AddSandbox(SandboxStage stage = SandboxStage.Ready)
    {
        var sandbox = new LiveSandbox(Records.Sandbox() with { Stage = stage }, _sandboxes);
        Index.Add(sandbox);
        return sandbox;
    }

    public LiveContainer AddContainer(LiveSandbox sandbox, Func<ContainerRecord, ContainerRecord>? change = null)
    {
        var record = Records.Container(sandbox.Id) with { Stage = ContainerStage.Created, Exit = null };
        var container = new LiveContainer(change?.Invoke(record) ?? record, _containers);
        Index.Add(container);
        return container;
    }

    public static void Start(LiveContainer container) => container.Change(r => r with { Stage = ContainerStage.Running, Pid = 7 });

    public static void Stop(LiveContainer container)
        => container.Change(r => r with { Stage = ContainerStage.Exited, Exit = new ContainerExit(0, 9, "Completed", "") });

    public void Remove(LiveContainer container)
    {
        container.Delete();
        Index.Remove(container);
    }

    public void Remove(LiveSandbox sandbox)
    {
        sandbox.Delete();
        Index.Remove(sandbox);
    }

    /// <summary>What has come until now.</summary>
    public static async Task<List<ContainerEventResponse>> TakeAsync(EventSubscription subscription, int count)
    {
        var events = new List<ContainerEventResponse>();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (var one in subscription.ReadAsync(patience.Token))
        {
            events.Add(one);
            if (events.Count == count)
            {
                break;
            }
        }

        return events;
    }

    public void Dispose()
    {
        _sandboxes.Dispose();
        _containers.Dispose();
        _directory.Dispose();
    }
}
