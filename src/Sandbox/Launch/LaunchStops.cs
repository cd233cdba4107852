namespace Crisp.Sandbox.Launch;

/// <summary>Where plans wait for this process to do something.</summary>
internal static class LaunchStops
{
    /// <summary>The process is put into its cgroups.</summary>
    internal const string Cgroup = "cgroup";

    /// <summary>Descriptor 0 is the master of the terminal, which is fetched.</summary>
    internal const string Terminal = "terminal";

    /// <summary>The mounts are made and the root directory is not changed yet: hooks run.</summary>
    internal const string Hooks = "hooks";

    /// <summary>The maps of the user namespace are written.</summary>
    internal const string Maps = "maps";

    /// <summary>The namespaces are opened.</summary>
    internal const string Namespaces = "namespaces";

    /// <summary>How long a plan waits at a stop, and how long this process waits for one: a mount on a slow disk, a loaded node.</summary>
    internal static TimeSpan Deadline => TimeSpan.FromSeconds(60);
}
