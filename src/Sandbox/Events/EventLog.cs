using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Events;

/// <summary>What happened, numbered, for a daemon that asks for everything after what it knows.</summary>
/// <remarks>
/// The history is bounded without ever losing the end of a container that still exists: events go with their container,
/// an OOM replaces the one before, and of the ends of execs, which Wait tells too, the newest are kept.
/// </remarks>
internal sealed class EventLog
{
    internal const int MaxExecEvents = 128;
    internal const int MaxInAnswer = 256;
    private readonly List<Event> _events = [];
    private readonly List<(Call Call, ulong After)> _waiting = [];
    private int _execEvents;

    /// <summary>The newest number given; 0 when nothing has happened.</summary>
    public ulong LastSequence { get; private set; }

    public void ContainerExited(string containerId, ExitInfo exit)
        => Add(new Event { ContainerExited = new ContainerExited { ContainerId = containerId, Exit = exit } });

    public void ExecExited(string containerId, string execId, ExitInfo exit)
    {
        if (++_execEvents > MaxExecEvents)
        {
            _execEvents--;
            _events.RemoveAt(_events.FindIndex(static e => e.ContainerExited is { ExecId.Length: > 0 }));
        }

        Add(new Event { ContainerExited = new ContainerExited { ContainerId = containerId, ExecId = execId, Exit = exit } });
    }

    public void ContainerOom(string containerId)
    {
        _events.RemoveAll(e => e.ContainerOom?.ContainerId == containerId);
        Add(new Event { ContainerOom = new ContainerOom { ContainerId = containerId } });
    }

    /// <summary>The container has been deleted: what befell it is nobody's business any more.</summary>
    public void Forget(string containerId)
    {
        _events.RemoveAll(e => (e.ContainerExited?.ContainerId ?? e.ContainerOom.ContainerId) == containerId);
        _execEvents = 0;
        foreach (var one in _events)
        {
            _execEvents += one.ContainerExited is { ExecId.Length: > 0 } ? 1 : 0;
        }
    }

    /// <summary>Answers with the events after a number, at once or when there is one.</summary>
    public void Follow(Call call, ulong after)
    {
        if (!TryAnswer(call, after))
        {
            _waiting.RemoveAll(static w => w.Call.IsAbandoned);
            _waiting.Add((call, after));
        }
    }

    private void Add(Event one)
    {
        one.Sequence = ++LastSequence;
        one.Timestamp = Clock.Now();
        _events.Add(one);
        _waiting.RemoveAll(w => TryAnswer(w.Call, w.After));
    }

    private bool TryAnswer(Call call, ulong after)
    {
        var response = new EventsResponse();
        foreach (var one in _events)
        {
            if (one.Sequence > after && response.Events.Count < MaxInAnswer)
            {
                response.Events.Add(one);
            }
        }

        if (response.Events.Count == 0)
        {
            return false;
        }

        call.Answer(response);
        return true;
    }
}
