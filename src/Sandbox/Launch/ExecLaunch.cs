using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>What one more process in a running container needs. All descriptors remain the caller's.</summary>
/// <param name="ContainerPidfd">The container's first process, whose namespaces are joined.</param>
/// <param name="Namespaces">The pod's.</param>
/// <param name="Cgroup">The container's.</param>
public sealed record ExecLaunch(
    ProcessSpec Process,
    ResolvedUser User,
    FileDescriptor ContainerPidfd,
    PodNamespaces Namespaces,
    ICgroup Cgroup,
    StandardStreams Streams);
