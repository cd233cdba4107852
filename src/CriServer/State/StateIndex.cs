using System.Collections.Concurrent;
using Crisp.CriServer.Hosting;

namespace Crisp.CriServer.State;

/// <summary>Every pod and container by id. List and Status answer from here and touch neither disk nor pod.</summary>
public sealed class StateIndex(IStateObserver? observer = null)
{
    private readonly ConcurrentDictionary<string, LiveSandbox> _sandboxes = new();
    private readonly ConcurrentDictionary<string, LiveContainer> _containers = new();

    /// <summary>Pods with those that are being made.</summary>
    public IEnumerable<LiveSandbox> All => _sandboxes.Values;

    /// <summary>Pods that exist for callers: those being made are not among them. Oldest first.</summary>
    public IEnumerable<LiveSandbox> Sandboxes
        => _sandboxes.Values.Where(s => s.Record.Stage != SandboxStage.Creating).OrderBy(s => s.Record.CreatedAt);

    /// <summary>Oldest first.</summary>
    public IEnumerable<LiveContainer> Containers => _containers.Values.OrderBy(c => c.Record.CreatedAt);

    public void Add(LiveSandbox sandbox)
    {
        sandbox.Observer = observer;
        _sandboxes[sandbox.Id] = sandbox;
    }

    public void Add(LiveContainer container) => container.BeforeChanges(() =>
    {
        container.Observer = observer;
        _containers[container.Id] = container;
        if (_sandboxes.TryGetValue(container.Record.SandboxId, out var sandbox))
        {
            sandbox.Containers[container.Id] = container;
        }

        observer?.Added(container);
    });

    public void Remove(LiveSandbox sandbox)
    {
        if (_sandboxes.TryRemove(sandbox.Id, out _))
        {
            observer?.Removed(sandbox);
        }
    }

    public void Remove(LiveContainer container)
    {
        if (!_containers.TryRemove(container.Id, out _))
        {
            return;
        }

        if (_sandboxes.TryGetValue(container.Record.SandboxId, out var sandbox))
        {
            sandbox.Containers.TryRemove(container.Id, out _);
        }

        observer?.Removed(container);
    }

    /// <summary>The pod of this id, or of the one id that begins so: people type prefixes.</summary>
    public LiveSandbox? FindSandbox(string id)
        => Find(_sandboxes, id) is { } sandbox && sandbox.Record.Stage != SandboxStage.Creating ? sandbox : null;

    /// <summary>The container of this id, or of the one id that begins so.</summary>
    public LiveContainer? FindContainer(string id) => Find(_containers, id);

    /// <summary>The container's pod; null when its record was lost.</summary>
    public LiveSandbox? SandboxOf(LiveContainer container) => _sandboxes.GetValueOrDefault(container.Record.SandboxId);

    private static T? Find<T>(ConcurrentDictionary<string, T> entries, string id)
        where T : class
    {
        if (entries.TryGetValue(id, out var exact))
        {
            return exact;
        }

        if (id.Length == 0)
        {
            return null;
        }

        T? found = null;
        foreach (var (key, value) in entries)
        {
            if (key.StartsWith(id, StringComparison.Ordinal))
            {
                if (found is not null)
                {
                    throw CriException.Invalid($"\"{id}\" begins more than one id. Give more digits.");
                }

                found = value;
            }
        }

        return found;
    }
}
