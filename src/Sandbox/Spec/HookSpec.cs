using System.Text.Json.Serialization;

namespace Crisp.Sandbox.Spec;

/// <summary>A hook in the OCI runtime specification's form (config.md, "POSIX-platform Hooks").</summary>
/// <param name="Path">Absolute, of a program of the node's.</param>
/// <param name="Args">With the program's name first; empty for the path alone.</param>
/// <param name="Env">All of the hook's environment, except that PATH is added where it is missing.</param>
/// <param name="TimeoutSeconds">When it is killed.</param>
public sealed record HookSpec(HookPhase Phase, string Path, IReadOnlyList<string> Args, IReadOnlyList<string> Env, int TimeoutSeconds)
{
    /// <summary>The version of the specification whose form have the container's state and the bundle's config.json, which hooks read.</summary>
    public const string OciVersion = "1.2.0";
}

/// <summary>When a hook runs, and where.</summary>
[JsonConverter(typeof(EnumNameConverter<HookPhase>))]
public enum HookPhase
{
    /// <summary>The older name of <see cref="CreateRuntime"/>; those come before the others.</summary>
    Prestart,

    /// <summary>When the container's mounts are made and its root directory is not changed yet, in the node's namespaces.</summary>
    CreateRuntime,

    /// <summary>
    /// Right after those, in the container's mount, network, IPC, UTS and cgroup namespaces and its cgroup. The node's files are still there,
    /// and the container's lie at BUNDLE/rootfs. Never in its PID namespace, where others could reach the node through the hook.
    /// </summary>
    CreateContainer,

    /// <summary>When the container's program has been executed, in the node's namespaces.</summary>
    Poststart,

    /// <summary>When the container has ended, before that is told, in the node's namespaces.</summary>
    Poststop,
}
