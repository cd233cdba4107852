using System.Collections.Concurrent;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.Stats;
using Crisp.Linux;

namespace Crisp.CriServer.State;

/// <summary>One pod in memory: the record that List and Status read, its containers, and the gate of those who change it.</summary>
public sealed class LiveSandbox(SandboxRecord record, RecordStore<SandboxRecord> store)
{
    private readonly Lock _writing = new();
    private volatile SandboxRecord _record = record;

    public string Id => _record.Id;

    public SandboxRecord Record => _record;

    /// <summary>Whether an earlier daemon has made it.</summary>
    public bool IsRestored { get; init; }

    /// <summary>Held by run, stop, removal, and by each creation of a container.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>The pod's process, or null when it is not there any more.</summary>
    public SandboxLink? Link { get; set; }

    /// <summary>
    /// The pod's own network namespace, held open so that plugins find it when the pod's process has died. Null on the node's
    /// network, and when nobody had it open any more: after a restart without the pod's process.
    /// </summary>
    public FileDescriptor? NetworkNamespace { get; set; }

    public ConcurrentDictionary<string, LiveContainer> Containers { get; } = new();

    /// <summary>How fast all its containers together use processor time.</summary>
    internal CpuWindow Cpu { get; } = new();

    /// <summary>Set when the pod's record goes.</summary>
    public bool Removed { get; private set; }

    /// <summary>Told of every change of the record; set by the index.</summary>
    internal IStateObserver? Observer { get; set; }

    /// <summary>Writes a changed record to disk, then shows it. Nothing changes when the write fails.</summary>
    public SandboxRecord Change(Func<SandboxRecord, SandboxRecord> change)
    {
        lock (_writing)
        {
            var before = _record;
            var changed = change(before);
            if (!ReferenceEquals(changed, before) && !Removed)
            {
                store.Write(changed);
                _record = changed;
                Observer?.Changed(this, before);
            }

            return _record;
        }
    }

    /// <summary>Removes the record; later changes have no effect.</summary>
    public void Delete()
    {
        lock (_writing)
        {
            Removed = true;
            store.Delete(Id);
        }
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
