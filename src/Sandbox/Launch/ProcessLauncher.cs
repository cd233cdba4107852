using Crisp.Cgroups;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Makes pods' namespaces and starts their processes. Any thread may call; one per process is enough.</summary>
/// <remarks>
/// Every method throws <see cref="SandboxException"/>: NotFound, PermissionDenied or FailedPrecondition when the program
/// cannot be executed, InvalidArgument when the specification contradicts itself, Internal when the kernel refuses a step.
/// Children that fail, and intermediate ones, are reaped here or by a thread that waits for any child, whoever is faster.
/// </remarks>
public sealed class ProcessLauncher : IDisposable
{
    /// <param name="cgroups">What /sys/fs/cgroup looks like in containers.</param>
    public ProcessLauncher(CgroupFacts cgroups)
    {
        Cgroups = cgroups;
    }

    public CgroupFacts Cgroups { get; }

    /// <summary>Makes the pod's namespaces, with hostname, loopback and sysctls set, and the reaper of a shared PID namespace.</summary>
    public PodNamespaces CreateNamespaces(SandboxSpec spec)
        => throw new SandboxException(RpcCode.Unimplemented, $"The namespaces of {spec.Id} cannot be made on cgroup {Cgroups.Version} yet.");

    /// <summary>Starts a container. On return its program runs (execve has succeeded).</summary>
    public LaunchedProcess Launch(ContainerLaunch launch)
        => throw new SandboxException(RpcCode.Unimplemented, $"The container {launch.Spec.Id} cannot be started on cgroup {Cgroups.Version} yet.");

    /// <summary>Starts a process in a running container. On return its program runs (execve has succeeded).</summary>
    public LaunchedProcess Launch(ExecLaunch launch)
        => throw new SandboxException(RpcCode.Unimplemented, $"{launch.Process.Args[0]} cannot be started on cgroup {Cgroups.Version} yet.");

    public void Dispose()
    {
    }
}
