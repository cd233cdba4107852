using Crisp.Cgroups;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Sandbox.Client;

namespace Crisp.CriServer.Stats;

/// <summary>
/// A pod that is a virtual machine: its containers as the guest's kernel counts them, and as a whole what the machine costs the node,
/// in the pod's cgroup. A guest is not believed to answer in time, and one that does not has no numbers.
/// </summary>
/// <param name="node">What the node's kernel counts.</param>
internal sealed class VmPodStats(SandboxLink link, NamespacePodStats node) : IPodStats
{
    // The node's, beside which taps have the same frames again.
    private const string TapPrefix = "crisp-tap";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    public async ValueTask<PodUsage> PodAsync(StatsParts parts, CancellationToken cancellation)
    {
        var machine = await node.PodAsync(parts, cancellation);
        var guest = parts.HasFlag(StatsParts.Pids) ? await AskAsync("", StatsParts.Pids, cancellation) : null;
        return new PodUsage(
            machine.Cgroup with { Pids = guest?.Usage.Pids },
            machine.Links?.Where(l => !l.Name.StartsWith(TapPrefix, StringComparison.Ordinal)).ToList());
    }

    public async ValueTask<CgroupStats> ContainerAsync(ContainerRecord container, StatsParts parts, CancellationToken cancellation)
        => (await AskAsync(container.Id, parts, cancellation))?.Usage ?? new CgroupStats();

    public async ValueTask<SandboxStats> DetailsAsync(ContainerRecord container, CancellationToken cancellation)
        => await AskAsync(container.Id, StatsParts.All, cancellation, details: true) ?? new SandboxStats(new CgroupStats(), null, null);

    public void Dispose() => node.Dispose();

    private Task<SandboxStats?> AskAsync(string container, StatsParts parts, CancellationToken cancellation, bool details = false)
        => link.TryAskAsync<SandboxStats>(async (client, token) => await client.StatsAsync(container, parts, details, token), s_patience, cancellation);
}
