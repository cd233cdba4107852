using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>What the plan of a container is compiled from.</summary>
internal sealed record ContainerPlanInput
{
    internal required ContainerSpec Spec { get; init; }

    internal required ResolvedUser User { get; init; }

    internal required LaunchFacts Facts { get; init; }

    internal required PodNamespaces Namespaces { get; init; }

    /// <summary>A procfs of the launcher's own, which nothing can be mounted over.</summary>
    internal required FileDescriptor Procfs { get; init; }

    internal required FileDescriptor Rootfs { get; init; }

    /// <summary>Parallel to the specification's mounts.</summary>
    internal required IReadOnlyList<MountInput> Mounts { get; init; }

    internal FileDescriptor? TargetPidNamespace { get; init; }

    internal required StandardStreams Streams { get; init; }

    /// <summary>Whether the pod has a user namespace.</summary>
    internal bool HasUserNamespace => Namespaces.User is not null;

    /// <summary>The PID namespace that is joined, or null: the container has its own or the node's.</summary>
    internal FileDescriptor? JoinedPidNamespace => Spec.Namespaces.Pid switch
    {
        PidNamespace.Pod => Namespaces.Pid,
        PidNamespace.Target => TargetPidNamespace,
        _ => null,
    };

    /// <summary>What the launch itself unshares. With a user namespace nothing: it must be joined before, so that it owns the rest.</summary>
    internal NamespaceFlags LaunchNamespaces => HasUserNamespace ? NamespaceFlags.None : NamespaceFlags.Mount | OwnPidNamespace;

    internal NamespaceFlags OwnPidNamespace
        => Spec.Namespaces.Pid == PidNamespace.Container ? NamespaceFlags.Pid : NamespaceFlags.None;
}

/// <summary>One mount's source and target.</summary>
/// <param name="Target">Beneath the rootfs, without a leading slash; the image's symlinks are resolved.</param>
/// <param name="Source">A detached mount; null where the child makes it.</param>
/// <param name="IsFile">Whether the source is a file, so that a missing target is made as one.</param>
internal sealed record MountInput(string Target, FileDescriptor? Source, bool IsFile);
