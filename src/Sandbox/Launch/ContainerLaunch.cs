using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>What the launch of a container's first process needs. All descriptors remain the caller's.</summary>
/// <param name="Rootfs">A detached mount. It is attached in the container, so that it serves one launch.</param>
/// <param name="Mounts">Parallel to Spec.Mounts: detached mounts, null where the source needs none. They serve one launch.</param>
/// <param name="TargetPidNamespace">A pidfd of the target container, or its PID namespace, for PidNamespace.Target.</param>
/// <param name="Cgroup">The container's, made and limited already.</param>
public sealed record ContainerLaunch(
    ContainerSpec Spec,
    ResolvedUser User,
    FileDescriptor Rootfs,
    IReadOnlyList<FileDescriptor?> Mounts,
    PodNamespaces Namespaces,
    FileDescriptor? TargetPidNamespace,
    ICgroup Cgroup,
    StandardStreams Streams);
