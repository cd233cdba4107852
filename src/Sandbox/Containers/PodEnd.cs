using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Containers;

/// <summary>Shutdown: every process of the pod is killed, the exits are written, the cgroups removed.</summary>
internal sealed class PodEnd
{
    // Within the client's deadline for such calls, so that the reason reaches it.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    private readonly NamespacePod _pod;
    private readonly Action _done;
    private readonly Action<Exception> _failed;
    private readonly long _deadline = Environment.TickCount64 + (long)_patience.TotalMilliseconds;

    private PodEnd(NamespacePod pod, Action done, Action<Exception> failed)
    {
        (_pod, _done, _failed) = (pod, done, failed);
    }

    /// <param name="done">Nothing of the pod is left. The caller ends the process.</param>
    /// <param name="failed">Something is left, and the process stays to be asked again.</param>
    public static void Begin(NamespacePod pod, Action done, Action<Exception> failed)
    {
        var end = new PodEnd(pod, done, failed);
        if (pod.Cgroup is { } cgroup)
        {
            // A launch that hangs is ended by this; how, it tells itself.
            pod.Ends.Run(() => cgroup.Kill(TimeSpan.Zero), static _ => { }, failed);
        }

        // What is being launched is launched or fails first: on its way into its cgroup nothing can kill it.
        pod.Launches.Run(static () => { }, end.Kill, failed);
    }

    private void Kill()
    {
        if (_pod.Cgroup is not { } cgroup)
        {
            _done();
            return;
        }

        // On v1 the frozen die only when thawed, each by its own cgroup.
        foreach (var container in _pod.Containers.Values)
        {
            if (container.Status == ContainerStatus.Paused)
            {
                _pod.Ends.Run(container.Cgroup.Thaw, static () => { }, _failed);
            }
        }

        CgroupEnd.Kill(_pod, cgroup, _patience, Killed, _failed);
    }

    private void Killed(bool empty)
    {
        if (!empty)
        {
            Fail("its processes outlive SIGKILL: they wait in the kernel, often for a filesystem that does not answer");
            return;
        }

        foreach (var container in _pod.Containers.Values)
        {
            if (container.Status is not (ContainerStatus.Created or ContainerStatus.Stopped))
            {
                AwaitEnd(container);
                return;
            }
        }

        CgroupEnd.Remove(_pod, _pod.Cgroup!, _patience, Removed, _failed);
    }

    // Its processes are dead; its log is drained and its exit written in a moment.
    private void AwaitEnd(NamespaceContainer container)
    {
        if (Environment.TickCount64 >= _deadline)
        {
            Fail($"the end of the container {container.Id} was not seen");
            return;
        }

        container.WhenStopped(() => Killed(true));
    }

    private void Removed()
    {
        _pod.CloseNamespaces();
        foreach (var container in _pod.Containers.Values)
        {
            container.Log?.Dispose();
            _pod.Close(container);
        }

        // After the closing: what a mount pinned is free when the caller is told.
        _pod.Ends.Run(static () => { }, _done, _failed);
    }

    private void Fail(string why) => _failed(new SandboxException(RpcCode.FailedPrecondition, $"The pod {_pod.Id} cannot be ended: {why}."));
}
