using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>
/// The namespaces that a pod's containers share, held open: no process needs to live in them. Null where the node's are used.
/// The daemon reaches them as <c>/proc/PID/fd/N</c> of the pod's process.
/// </summary>
public sealed class PodNamespaces : IDisposable
{
    public FileDescriptor? User { get; init; }

    public FileDescriptor? Network { get; init; }

    public FileDescriptor? Ipc { get; init; }

    public FileDescriptor? Uts { get; init; }

    /// <summary>The shared PID namespace.</summary>
    public FileDescriptor? Pid { get; init; }

    /// <summary>PID 1 of <see cref="Pid"/>, as this process knows it; 0 without one. Its exit ends all containers that share it.</summary>
    public int ReaperPid { get; init; }

    /// <summary>The maps of <see cref="User"/>; empty without it.</summary>
    public IReadOnlyList<IdMapSpec> UidMappings { get; init; } = [];

    public IReadOnlyList<IdMapSpec> GidMappings { get; init; } = [];

    /// <summary>Lets go of the namespaces; the reaper is the caller's to kill.</summary>
    public void Dispose()
    {
        User?.Dispose();
        Network?.Dispose();
        Ipc?.Dispose();
        Uts?.Dispose();
        Pid?.Dispose();
    }
}
