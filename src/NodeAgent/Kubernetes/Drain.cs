using k8s.Models;

namespace Crisp.NodeAgent.Kubernetes;

/// <param name="Timeout">How long pods may take, PodDisruptionBudgets included.</param>
/// <param name="DeleteEmptyDirData">Whether pods may go whose emptyDir volumes go with them.</param>
/// <param name="Force">Whether pods may go that nobody makes anew elsewhere.</param>
internal sealed record DrainOptions(TimeSpan Timeout, bool DeleteEmptyDirData, bool Force);

/// <summary>Empties a node as <c>kubectl drain</c> does, by evictions alone.</summary>
internal sealed class Drain(Cluster cluster, string node, DrainOptions options, TimeProvider time)
{
    // kubectl drain asks again after as long.
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(5);
    private const string Mirror = "kubernetes.io/config.mirror";

    /// <summary>Why a pod keeps the node from being drained at all; null where it does not.</summary>
    public string? Objection(V1Pod pod)
    {
        if (pod.Metadata.OwnerReferences?.Any(o => o.Controller == true) != true && !options.Force)
        {
            return "no controller makes it anew elsewhere (drain.force allows it)";
        }

        return !options.DeleteEmptyDirData && pod.Spec.Volumes?.Any(v => v.EmptyDir is not null) == true
            ? "its emptyDir volumes would be lost (drain.deleteEmptyDirData allows it)"
            : null;
    }

    /// <summary>Pods that a drain leaves alone: static ones, those of DaemonSets, and those that have ended.</summary>
    public static bool Stays(V1Pod pod) =>
        pod.Metadata.Annotations?.ContainsKey(Mirror) == true
        || pod.Metadata.OwnerReferences?.Any(o => o is { Controller: true, Kind: "DaemonSet" }) == true
        || pod.Status?.Phase is "Succeeded" or "Failed";

    /// <summary>Returns when the node has no pod left that is not to stay.</summary>
    /// <param name="isAlive">Called between tries, to keep the lease.</param>
    /// <exception cref="DrainException">A pod may not go, or did not in time.</exception>
    public async Task RunAsync(Func<CancellationToken, Task> isAlive, CancellationToken cancellation)
    {
        var begin = time.GetTimestamp();
        var refusals = new Dictionary<string, EvictionRefusal>();
        while (true)
        {
            var pods = (await cluster.ListPodsAsync(node, cancellation)).Where(p => !Stays(p)).ToList();
            if (pods.Count == 0)
            {
                return;
            }

            ThrowIfAny(pods);
            // By what is there now: the evictions of the last round may have taken long, and the pods are gone.
            if (time.GetElapsedTime(begin) >= options.Timeout)
            {
                throw new DrainException(
                    $"{pods.Count} pods were still there after {options.Timeout.TotalSeconds:0} s: "
                    + string.Join("; ", pods.Select(p => refusals.TryGetValue(Name(p), out var r) ? $"{Name(p)} ({r.Reason})" : $"{Name(p)} (is ending)")));
            }

            refusals.Clear();
            foreach (var pod in pods.Where(p => p.Metadata.DeletionTimestamp is null))
            {
                if (await cluster.EvictAsync(pod, cancellation) is { } refusal)
                {
                    refusals[Name(pod)] = refusal;
                }
            }

            await isAlive(cancellation);
            var wait = refusals.Values.Select(r => r.RetryAfter ?? s_again).DefaultIfEmpty(s_again / 5).Min();
            await Task.Delay(TimeSpan.FromTicks(Math.Clamp(wait.Ticks, (s_again / 5).Ticks, s_again.Ticks)), time, cancellation);
        }
    }

    private void ThrowIfAny(IEnumerable<V1Pod> pods)
    {
        var objections = pods.Where(p => p.Metadata.DeletionTimestamp is null)
            .Select(p => Objection(p) is { } why ? $"{Name(p)}: {why}" : null).OfType<string>().ToList();
        if (objections.Count > 0)
        {
            throw new DrainException($"The node is not drained. {string.Join("; ", objections)}");
        }
    }

    private static string Name(V1Pod pod) => $"{pod.Metadata.NamespaceProperty}/{pod.Metadata.Name}";
}

/// <summary>A node could not be drained. The message says which pods, and why.</summary>
internal sealed class DrainException(string message) : Exception(message);
