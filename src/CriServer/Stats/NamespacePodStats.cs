using Crisp.Cgroups;
using Crisp.Cgroups.Polling;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Processes;

namespace Crisp.CriServer.Stats;

/// <summary>A namespace pod: its cgroups, and a netlink socket in its network namespace. Nothing here waits.</summary>
/// <param name="networkNamespace">A path that names it; null on the node's network, which is not the pod's to count.</param>
public sealed class NamespacePodStats(PolledCgroups cgroups, string cgroupPath, string? networkNamespace) : IPodStats
{
    private readonly Lock _gate = new();
    private LinkCounterSocket? _links;
    private bool _disposed;

    public ValueTask<PodUsage> PodAsync(StatsParts parts, CancellationToken cancellation)
        => ValueTask.FromResult(new PodUsage(cgroups.Get(cgroupPath).Stats(parts), ReadLinks()));

    public ValueTask<CgroupStats> ContainerAsync(ContainerRecord container, StatsParts parts, CancellationToken cancellation)
        => ValueTask.FromResult(CgroupOf(container).Stats(parts));

    public ValueTask<SandboxStats> DetailsAsync(ContainerRecord container, CancellationToken cancellation)
    {
        var cgroup = CgroupOf(container);
        return ValueTask.FromResult(new SandboxStats(
            cgroup.Stats(StatsParts.All), cgroup.ReadLimits(LimitParts.CpuAndMemory), ProcessCounter.Count(cgroup, container.Pid)));
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _links?.Dispose();
        }
    }

    private ICgroup CgroupOf(ContainerRecord container) => cgroups.Get(container.Spec.CgroupPath);

    private IReadOnlyList<LinkCounters>? ReadLinks()
    {
        if (networkNamespace is null)
        {
            return null;
        }

        lock (_gate)
        {
            // The pod has just stopped: it has no network any more.
            if (_disposed)
            {
                return null;
            }

            _links ??= OpenLinks(networkNamespace);
            return _links?.Read();
        }
    }

    private static LinkCounterSocket? OpenLinks(string networkNamespace)
    {
        try
        {
            using var ns = Files.Open(networkNamespace, OpenFlags.ReadOnly);
            return LinkCounterSocket.Open(ns);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH)
        {
            // The path leads through the pod's process, which has just ended: a pod that goes must not fail a list of all.
            return null;
        }
    }
}
