namespace Crisp.Cgroups.Systemd;

/// <summary>A scope to start: a unit of systemd around a process that somebody else has started (systemd.scope(5)).</summary>
/// <param name="Name">With .scope at its end.</param>
/// <param name="Slice">Made if it is not there.</param>
/// <param name="Pid">The scope ends when no process is left in it.</param>
public sealed record ScopeUnit(string Name, SliceName Slice, int Pid, string Description)
{
    /// <summary>Where systemd makes its cgroup.</summary>
    public CgroupPath Path => Slice.Path.Child(Name);
}
