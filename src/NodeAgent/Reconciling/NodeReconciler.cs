using Crisp.CriServer.Hosting;
using Crisp.Install.Host;
using Crisp.NodeAgent.Configuration;
using Crisp.NodeAgent.Host;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Monitoring;
using k8s.Models;

namespace Crisp.NodeAgent.Reconciling;

/// <summary>
/// Brings one node to what its label and the release want: crisp installed and the kubelet on it, or everything as it was. One call
/// looks at all and does the next thing; nothing is remembered between calls that the host or the cluster does not keep, so that it
/// makes no difference which pod of the agent's makes the next.
/// </summary>
internal sealed partial class NodeReconciler(
    AgentOptions options,
    Cluster cluster,
    NodeEvents events,
    SwitchLease lease,
    NodeInstallation installation,
    NodeSwitch nodeSwitch,
    AgentMetrics metrics,
    TimeProvider time)
{
    private NodeFacts? _facts;
    private long _factsAt;

    /// <summary>Whether the image's crisp is installed and answers; the pod's readiness, which paces a rolling update.</summary>
    public bool IsReady { get; private set; }

    /// <exception cref="HostException">Something on the host did not work; an event tells it.</exception>
    /// <exception cref="ClusterException">The API server did not do its part.</exception>
    /// <exception cref="DrainException">The node could not be drained; an event tells it.</exception>
    public async Task ReconcileAsync(CancellationToken cancellation)
    {
        var node = await cluster.GetNodeAsync(options.NodeName, cancellation);
        try
        {
            if (await nodeSwitch.ContinueAsync(node, cancellation))
            {
                metrics.Phase("switching");
                return;
            }

            var look = await lease.LookAsync(cancellation);
            if (node.WantsCrisp() && !look.IsUninstalling)
            {
                await ToCrispAsync(node, look.IsOurs, cancellation);
            }
            else
            {
                await BackAsync(node, look.IsOurs, cancellation);
            }
        }
        finally
        {
            metrics.Ready(IsReady);
        }
    }

    private async Task ToCrispAsync(V1Node node, bool hasLease, CancellationToken cancellation)
    {
        metrics.Phase("installing");
        if (await TellAsync("InstallFailed", installation.InstallAsync, cancellation))
        {
            _facts = null;
            await events.NormalAsync("Installed", $"crisp {CrispVersion.Text} is installed and answers on {options.Endpoint}", cancellation);
        }

        IsReady = true;
        var facts = await TellAsync("CheckFailed", FactsAsync, cancellation);
        if (NodeLabels.Changes(node, NodeLabels.Of(facts, node.RunsCrisp())) is { Count: > 0 } changes)
        {
            node = await cluster.PatchNodeAsync(options.NodeName, new NodePatch(Labels: changes), cancellation);
        }

        if (!facts.Usable)
        {
            metrics.Phase("unusable");
            await events.WarningAsync("NodeUnusable", $"This node cannot run pods with crisp. {facts.Lack()}", cancellation);
        }
        else if (!options.SwitchKubelet || node.RunsCrisp())
        {
            metrics.Phase("ready");
            await nodeSwitch.SettleAsync(node, hasLease, cancellation);
        }
        else
        {
            metrics.Phase("switching");
            await TellAsync("SwitchNotBegun", c => nodeSwitch.BeginAsync(node, toCrisp: true, c), cancellation);
        }
    }

    private async Task BackAsync(V1Node node, bool hasLease, CancellationToken cancellation)
    {
        IsReady = true;
        if (nodeSwitch.HasWayBack)
        {
            metrics.Phase("switching");
            await TellAsync("SwitchNotBegun", c => nodeSwitch.BeginAsync(node, toCrisp: false, c), cancellation);
            return;
        }

        if (node.RunsCrisp() && installation.IsInstalled)
        {
            metrics.Phase("waiting");
            await events.WarningAsync(
                "KubeletStillOnCrisp",
                "crisp is not removed: the kubelet uses it, and it was not the agent that switched it over. Give the kubelet its other "
                + "runtime endpoint, restart it, and crisp goes by itself.",
                cancellation);
            return;
        }

        metrics.Phase("removing");
        await nodeSwitch.SettleAsync(node, hasLease, cancellation);
        if (installation.IsInstalled || NodeNames.OwnLabels.Any(l => node.Label(l) is not null))
        {
            await TellAsync("UninstallFailed", UninstallAsync, cancellation);
            await events.NormalAsync("Uninstalled", "crisp is removed from this node", cancellation);
            // Last: with the label goes what keeps the agent's pod here.
            var nothing = NodeNames.OwnLabels.ToDictionary(l => l, _ => (string?)null);
            var noFailure = new Dictionary<string, string?> { [NodeNames.SwitchFailed] = null };
            await cluster.PatchNodeAsync(options.NodeName, new NodePatch(nothing, noFailure), cancellation);
        }

        metrics.Phase("absent");
    }

    private async Task<bool> UninstallAsync(CancellationToken cancellation)
    {
        await nodeSwitch.RemoveAsync(cancellation);
        await installation.UninstallAsync(cancellation);
        _facts = null;
        return true;
    }

    private async Task<NodeFacts> FactsAsync(CancellationToken cancellation)
    {
        if (_facts is { } known && time.GetElapsedTime(_factsAt) < options.FactsInterval)
        {
            return known;
        }

        var facts = await installation.FactsAsync(cancellation);
        if (options.BuildGuestImage && facts.IsOk("KVM") && !facts.IsOk("guest image"))
        {
            await installation.BuildGuestImageAsync(cancellation);
            facts = await installation.FactsAsync(cancellation);
        }

        _factsAt = time.GetTimestamp();
        return _facts = facts;
    }

    private async Task<T> TellAsync<T>(string reason, Func<CancellationToken, Task<T>> action, CancellationToken cancellation)
    {
        try
        {
            return await action(cancellation);
        }
        catch (Exception e) when (e is HostException or DrainException)
        {
            if (reason is "InstallFailed")
            {
                IsReady = false;
            }

            metrics.Phase("failed");
            await events.WarningAsync(reason, e.Message, cancellation);
            throw;
        }
    }
}
