namespace Crisp.CriServer.State;

/// <summary>
/// Learns what becomes of pods and containers, from the one place where their records change. Calls come on the thread that
/// makes the change and under its lock, so that those about one pod or container come in the order of its life: an observer
/// is quick, never throws, and changes nothing itself.
/// </summary>
public interface IStateObserver
{
    /// <summary>It is in the index now: made, or found on disk at the daemon's start.</summary>
    public void Added(LiveContainer container);

    /// <summary>Its record says something new, and is on disk.</summary>
    public void Changed(LiveContainer container, ContainerRecord before);

    /// <summary>Its record is gone.</summary>
    public void Removed(LiveContainer container);

    /// <summary>As a pod is added while it is being made, callers first see it with the change to Ready.</summary>
    public void Changed(LiveSandbox sandbox, SandboxRecord before);

    public void Removed(LiveSandbox sandbox);
}
