using Crisp.Cgroups;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Client;

namespace Crisp.CriServer.Stats;

/// <summary>
/// What one pod uses. The processes of a namespace pod are counted by the node's kernel, those of a guest by the guest's: this
/// is all in which they differ. Lives as long as the connection to the pod's process.
/// </summary>
public interface IPodStats : IDisposable
{
    /// <summary>All containers together, and the network.</summary>
    public ValueTask<PodUsage> PodAsync(StatsParts parts, CancellationToken cancellation);

    /// <summary>One running container. Everything is null when it has just ended.</summary>
    public ValueTask<CgroupStats> ContainerAsync(ContainerRecord container, StatsParts parts, CancellationToken cancellation);

    /// <summary>
    /// One running container with its limits as its kernel has them, and its processes counted one by one: too dear to ask for each second.
    /// </summary>
    public ValueTask<SandboxStats> DetailsAsync(ContainerRecord container, CancellationToken cancellation);
}

/// <param name="Links">The interfaces of the pod's own network; null on the node's.</param>
public sealed record PodUsage(CgroupStats Cgroup, IReadOnlyList<LinkCounters>? Links);
