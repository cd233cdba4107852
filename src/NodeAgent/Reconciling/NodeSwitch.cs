using Crisp.NodeAgent.Configuration;
using Crisp.Install.Host;
using Crisp.NodeAgent.Host;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Switching;
using k8s.Models;

namespace Crisp.NodeAgent.Reconciling;

/// <summary>
/// The cluster's side of a switch of the kubelet: lease, cordon, drain, and, when the host has done its part
/// (<see cref="SwitchRun"/>), the confirmation, uncordon and the lease's return.
/// </summary>
internal sealed partial class NodeSwitch(
    AgentOptions options,
    Cluster cluster,
    NodeEvents events,
    SwitchLease lease,
    HostRoot host,
    HostSystemd systemd,
    SwitchStore store,
    TimeProvider time,
    ILogger<NodeSwitch> logger)
{
    // While it works towards a switch, the agent renews at each step; one that is silent for this long is dead.
    private static readonly TimeSpan s_drainLease = TimeSpan.FromMinutes(2);
    private const int MostAnnotation = 512;
    private long? _drainFailedAt;

    /// <summary>Whether the kubelet has been switched to crisp by the agent, and the setting before is known.</summary>
    public bool HasWayBack => store.Original() is not null;

    /// <summary>Goes on with a switch that has begun.</summary>
    /// <returns>Whether one is under way.</returns>
    public async Task<bool> ContinueAsync(V1Node node, CancellationToken cancellation)
    {
        if (store.Load() is not { } record)
        {
            return false;
        }

        if (record.HasEnded)
        {
            if (!record.IsReported)
            {
                await ReportAsync(record, node, cancellation);
            }

            return false;
        }

        // This pod may be the first that the new runtime has started, which is the proof that was waited for.
        if (record.Step >= SwitchStep.AwaitKubelet && record.Step <= SwitchStep.AwaitConfirmation && node.IsReady() && node.RunsCrisp() == record.ToCrisp)
        {
            store.Confirm(record.Id);
        }

        await StartServiceAsync(cancellation);
        await lease.TryTakeAsync(SwitchLeaseTime, cancellation);
        return true;
    }

    /// <summary>Drains the node and hands it to the switch service, if it is this node's turn.</summary>
    /// <returns>Whether it was.</returns>
    /// <exception cref="DrainException">Pods may not go, or did not in time; the node is uncordoned again.</exception>
    public async Task<bool> BeginAsync(V1Node node, bool toCrisp, CancellationToken cancellation)
    {
        var before = KubeletFiles.Find(host, options.KubeletFiles);
        if (before.EffectiveEndpoint == Target(before, toCrisp).EffectiveEndpoint)
        {
            return await AlreadySaidAsync(before, node, toCrisp, cancellation);
        }

        if (await IsHeldUpAsync(node, toCrisp, cancellation))
        {
            return false;
        }

        await CordonAsync(node, toCrisp, cancellation);
        try
        {
            var drain = new Drain(cluster, options.NodeName, options.Drain, time);
            await drain.RunAsync(c => RenewAsync(c), cancellation);
        }
        catch (DrainException)
        {
            _drainFailedAt = time.GetTimestamp();
            await SettleAsync(await cluster.GetNodeAsync(options.NodeName, cancellation), hasLease: true, cancellation);
            throw;
        }

        await lease.TryTakeAsync(SwitchLeaseTime, cancellation);
        await events.NormalAsync(
            "SwitchBegun", $"The node is drained; its kubelet changes from {before.EffectiveEndpoint} to {Target(before, toCrisp).EffectiveEndpoint}", cancellation);
        await HandOverAsync(before, toCrisp, cancellation);
        return true;
    }

    /// <summary>Uncordons the node if it was the agent that cordoned it, and gives the lease back; when no switch is under way.</summary>
    /// <param name="hasLease">Whether this node may have it.</param>
    public async Task SettleAsync(V1Node node, bool hasLease, CancellationToken cancellation)
    {
        if (node.Annotation(NodeNames.Cordoned) is not null)
        {
            await cluster.PatchNodeAsync(
                options.NodeName, new NodePatch(Annotations: new Dictionary<string, string?> { [NodeNames.Cordoned] = null }, Unschedulable: false), cancellation);
        }

        if (hasLease)
        {
            await lease.ReleaseAsync(cancellation);
        }
    }

    /// <summary>Removes what switches have left on the host.</summary>
    public async Task RemoveAsync(CancellationToken cancellation)
    {
        if (host.Exists(SwitchUnit.Path))
        {
            await systemd.DisableAsync(SwitchUnit.Name, cancellation);
            host.Remove(SwitchUnit.Path);
            await systemd.ReloadAsync(cancellation);
        }

        store.Clear();
    }

    // A death between the way back's record and the switch's own leaves the kubelet where it was; so does an administrator's hand.
    private async Task<bool> AlreadySaidAsync(KubeletSetting before, V1Node node, bool toCrisp, CancellationToken cancellation)
    {
        if (node.RunsCrisp() != toCrisp)
        {
            throw new HostException(
                $"{before.File} of the host says {before.EffectiveEndpoint} already, but the kubelet uses {node.Status?.NodeInfo?.ContainerRuntimeVersion}. "
                + $"Restart it (systemctl restart {options.KubeletUnit}), or name the file that it reads (kubelet.files).");
        }

        if (!toCrisp)
        {
            store.ForgetOriginal();
        }

        await SettleAsync(node, hasLease: true, cancellation);
        return false;
    }

    // Longer than everything that the host does without the agent: both ways, each with its patience, and the pods' ends.
    private TimeSpan SwitchLeaseTime => (options.SwitchPatience * 2) + TimeSpan.FromMinutes(15);

    private async Task<bool> IsHeldUpAsync(V1Node node, bool toCrisp, CancellationToken cancellation)
    {
        if (_drainFailedAt is { } failedAt && time.GetElapsedTime(failedAt) < options.DrainPause)
        {
            return true;
        }

        _drainFailedAt = null;
        if (await FailedNodeAsync(node, toCrisp, cancellation) is { } failed)
        {
            Log.Waits(logger, $"the annotation {NodeNames.SwitchFailed} of node {failed}");
            return true;
        }

        if (await lease.TryTakeAsync(s_drainLease, cancellation) is { } holder)
        {
            Log.Waits(logger, $"node {holder}, which has the lease");
            return true;
        }

        return false;
    }

    /// <summary>What made one node fail may make every node fail: somebody is to look first. The way back is open to every other node.</summary>
    private async Task<string?> FailedNodeAsync(V1Node node, bool toCrisp, CancellationToken cancellation)
    {
        if (node.Annotation(NodeNames.SwitchFailed) is not null)
        {
            return options.NodeName;
        }

        return toCrisp
            ? (await cluster.ListNodesAsync($"{NodeNames.Runtime}={NodeNames.RuntimeValue}", cancellation))
                .FirstOrDefault(n => n.Annotation(NodeNames.SwitchFailed) is not null)?.Metadata.Name
            : null;
    }

    private async Task RenewAsync(CancellationToken cancellation)
    {
        if (await lease.TryTakeAsync(s_drainLease, cancellation) is { } holder)
        {
            throw new DrainException($"Node {holder} has taken the lease meanwhile.");
        }
    }

    private async Task CordonAsync(V1Node node, bool toCrisp, CancellationToken cancellation)
    {
        // A node that leaves crisp gets no more of its pods, also when it is uncordoned before its last label goes.
        var labels = !toCrisp && node.Label(NodeNames.Active) is not null ? new Dictionary<string, string?> { [NodeNames.Active] = null } : null;

        // A node that an administrator has cordoned stays so.
        var patch = node.IsCordoned()
            ? new NodePatch(labels)
            : new NodePatch(labels, new Dictionary<string, string?> { [NodeNames.Cordoned] = "true" }, Unschedulable: true);
        if (patch != new NodePatch())
        {
            await cluster.PatchNodeAsync(options.NodeName, patch, cancellation);
        }
    }

    private KubeletSetting Target(KubeletSetting before, bool toCrisp) => toCrisp ? before with { Endpoint = options.Endpoint } : store.Original()!;

    private async Task HandOverAsync(KubeletSetting before, bool toCrisp, CancellationToken cancellation)
    {
        var after = Target(before, toCrisp);
        if (toCrisp && store.Original() is null)
        {
            store.SaveOriginal(before);
        }

        store.Save(new SwitchRecord
        {
            Id = Guid.NewGuid().ToString("N"),
            ToCrisp = toCrisp,
            Before = before with { File = after.File, Kind = after.Kind },
            After = after,
            KubeletUnit = options.KubeletUnit,
            KubeletHealth = options.KubeletHealth,
            Patience = options.SwitchPatience,
        });
        await StartServiceAsync(cancellation);
    }

    private async Task StartServiceAsync(CancellationToken cancellation)
    {
        if (host.ReadText(SwitchUnit.Path) != SwitchUnit.Text)
        {
            host.WriteText(SwitchUnit.Path, SwitchUnit.Text);
            await systemd.ReloadAsync(cancellation);
            await systemd.EnableAsync(SwitchUnit.Name, cancellation);
        }

        if (!await systemd.IsActiveAsync(SwitchUnit.Name, cancellation))
        {
            await systemd.StartInBackgroundAsync(SwitchUnit.Name, cancellation);
        }
    }

    private async Task ReportAsync(SwitchRecord record, V1Node node, CancellationToken cancellation)
    {
        var annotations = new Dictionary<string, string?>();
        if (record.Failure is { } failure)
        {
            annotations[NodeNames.SwitchFailed] = failure.Length <= MostAnnotation ? failure : failure[..MostAnnotation];
            await events.WarningAsync(
                "SwitchTakenBack",
                $"{failure} The kubelet is back on {record.Before.EffectiveEndpoint}. When the reason is gone, let it be tried again: "
                + $"kubectl annotate node {options.NodeName} {NodeNames.SwitchFailed}-",
                cancellation);
            ForgetOriginalUnless(!record.ToCrisp);
        }
        else
        {
            await events.NormalAsync("Switched", $"The kubelet runs on {record.After.EffectiveEndpoint}", cancellation);
            if (node.Annotation(NodeNames.KubeadmSocket) is not null)
            {
                annotations[NodeNames.KubeadmSocket] = record.After.EffectiveEndpoint;
            }

            ForgetOriginalUnless(record.ToCrisp);
        }

        if (annotations.Count > 0)
        {
            await cluster.PatchNodeAsync(options.NodeName, new NodePatch(Annotations: annotations), cancellation);
        }

        await SettleAsync(node, hasLease: true, cancellation);
        store.Save(record with { IsReported = true });
    }

    /// <summary>The way back is known exactly while the kubelet is on crisp.</summary>
    private void ForgetOriginalUnless(bool isOnCrisp)
    {
        if (!isOnCrisp)
        {
            store.ForgetOriginal();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "The switch waits for {Reason}", EventName = "SwitchWaits")]
        public static partial void Waits(ILogger logger, string reason);
    }
}
