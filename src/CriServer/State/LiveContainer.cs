using Crisp.CriServer.Stats;

namespace Crisp.CriServer.State;

/// <summary>One container in memory: the record that List and Status read, and the gate of those who change it.</summary>
public sealed class LiveContainer
{
    private readonly RecordStore<ContainerRecord> _store;
    private readonly Lock _writing = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile ContainerRecord _record;

    public LiveContainer(ContainerRecord record, RecordStore<ContainerRecord> store)
    {
        _record = record;
        _store = store;
        if (record.Stage == ContainerStage.Exited)
        {
            _ended.SetResult();
        }
    }

    public string Id => _record.Id;

    public ContainerRecord Record => _record;

    /// <summary>Held by start, update and removal; never while waiting for the container to end.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>Completes when the container has ended and the record says so.</summary>
    public Task Ended => _ended.Task;

    /// <summary>How fast it uses processor time.</summary>
    internal CpuWindow Cpu { get; } = new();

    internal LayerUsage Layer { get; } = new();

    /// <summary>Set when the container's record goes.</summary>
    public bool Removed { get; private set; }

    /// <summary>Told of every change of the record; set by the index.</summary>
    internal IStateObserver? Observer { get; set; }

    /// <summary>Writes a changed record to disk, then shows it. Nothing changes when the write fails.</summary>
    public ContainerRecord Change(Func<ContainerRecord, ContainerRecord> change)
    {
        lock (_writing)
        {
            var before = _record;
            var changed = change(before);
            if (!ReferenceEquals(changed, before) && !Removed)
            {
                _store.Write(changed);
                _record = changed;
                Observer?.Changed(this, before);
            }
        }

        if (_record.Stage == ContainerStage.Exited)
        {
            _ended.TrySetResult();
        }

        return _record;
    }

    /// <summary>Runs work that no change may overtake: what it makes visible comes before every change.</summary>
    internal void BeforeChanges(Action work)
    {
        lock (_writing)
        {
            work();
        }
    }

    /// <summary>Removes the record; later changes have no effect.</summary>
    public void Delete()
    {
        lock (_writing)
        {
            Removed = true;
            _store.Delete(Id);
        }

        _ended.TrySetResult();
    }

    /// <summary>Notes that the answer of the creation has reached its caller; written with the next change.</summary>
    public void MarkAnswered()
    {
        lock (_writing)
        {
            _record = _record with { Answered = true };
        }
    }
}
