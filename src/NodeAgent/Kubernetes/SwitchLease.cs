using System.Globalization;
using k8s.Models;

namespace Crisp.NodeAgent.Kubernetes;

/// <summary>
/// The cluster's one lock: whoever holds it may drain its node and switch its kubelet. It is the chart's Lease, which nobody
/// creates here, so that it goes with the release. Its annotation <see cref="Uninstall"/> asks all nodes to go back.
/// </summary>
/// <remarks>
/// A holder that is silent for the lease's duration has lost it. Silence is measured by this process's clock, from when it first saw
/// the lease as it is: clocks of nodes differ (client-go's leader election does the same).
/// </remarks>
internal sealed class SwitchLease(Cluster cluster, string space, string name, string node, TimeProvider time)
{
    public const string Uninstall = NodeNames.Prefix + "uninstall";
    private string? _seenVersion;
    private long _seenAt;

    /// <summary>How it is now, in one request.</summary>
    public async Task<LeaseView> LookAsync(CancellationToken cancellation)
    {
        var lease = await cluster.GetLeaseAsync(space, name, cancellation);
        return new LeaseView(lease.Metadata.Annotations?.ContainsKey(Uninstall) == true, lease.Spec?.HolderIdentity == node);
    }

    /// <summary>Takes the lease, or renews it.</summary>
    /// <param name="duration">How long the holder may be silent. Whole seconds.</param>
    /// <returns>Null when this node has it now; otherwise the node that has.</returns>
    public async Task<string?> TryTakeAsync(TimeSpan duration, CancellationToken cancellation)
    {
        var lease = await cluster.GetLeaseAsync(space, name, cancellation);
        lease.Spec ??= new V1LeaseSpec();
        var holder = lease.Spec.HolderIdentity;
        if (!string.IsNullOrEmpty(holder) && holder != node && !HasExpired(lease))
        {
            return holder;
        }

        var now = time.GetUtcNow().UtcDateTime;
        if (holder != node)
        {
            lease.Spec.AcquireTime = now;
            lease.Spec.LeaseTransitions = (lease.Spec.LeaseTransitions ?? 0) + 1;
        }

        lease.Spec.HolderIdentity = node;
        lease.Spec.RenewTime = now;
        lease.Spec.LeaseDurationSeconds = (int)duration.TotalSeconds;
        if (await cluster.ReplaceLeaseAsync(lease, cancellation) is not null)
        {
            return null;
        }

        // Somebody wrote in between: a faster node, or this one, whose first answer was lost.
        holder = (await cluster.GetLeaseAsync(space, name, cancellation)).Spec?.HolderIdentity;
        return holder == node ? null : string.IsNullOrEmpty(holder) ? "another node" : holder;
    }

    /// <summary>Gives it back, if this node has it.</summary>
    public async Task ReleaseAsync(CancellationToken cancellation)
    {
        V1Lease lease;
        do
        {
            lease = await cluster.GetLeaseAsync(space, name, cancellation);
            if (lease.Spec?.HolderIdentity != node)
            {
                return;
            }

            lease.Spec.HolderIdentity = null;
            lease.Spec.AcquireTime = null;
            lease.Spec.RenewTime = null;
            lease.Spec.LeaseDurationSeconds = null;
        }
        while (await cluster.ReplaceLeaseAsync(lease, cancellation) is null);
    }

    /// <summary>Asks all nodes to go back; for the release's end.</summary>
    public async Task AskForUninstallAsync(CancellationToken cancellation)
    {
        V1Lease lease;
        do
        {
            lease = await cluster.GetLeaseAsync(space, name, cancellation);
            lease.Metadata.Annotations ??= new Dictionary<string, string>();
            lease.Metadata.Annotations[Uninstall] = time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        }
        while (await cluster.ReplaceLeaseAsync(lease, cancellation) is null);
    }

    private bool HasExpired(V1Lease lease)
    {
        if (_seenVersion != lease.Metadata.ResourceVersion)
        {
            _seenVersion = lease.Metadata.ResourceVersion;
            _seenAt = time.GetTimestamp();
        }

        return time.GetElapsedTime(_seenAt) >= TimeSpan.FromSeconds(lease.Spec.LeaseDurationSeconds ?? 0);
    }
}

/// <param name="IsUninstalling">Whether the release is about to go, and every node back to what it was.</param>
/// <param name="IsOurs">Whether this node has it.</param>
internal readonly record struct LeaseView(bool IsUninstalling, bool IsOurs);
