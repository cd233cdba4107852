using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>DeleteContainer, and the killing of all processes of one.</summary>
internal static class ContainerDeletion
{
    // Within the client's deadline for such calls, so that the reason reaches it.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    /// <param name="done">Called after the first try: most of the time all are dead then. The others follow.</param>
    public static void KillAll(NamespacePod pod, NamespaceContainer container, Action done, Action<Exception> failed)
    {
        if (container.Status is ContainerStatus.Ending or ContainerStatus.Stopped)
        {
            done();
            return;
        }

        pod.Ends.Run(
            () => container.Cgroup.Kill(TimeSpan.Zero),
            empty =>
            {
                done();
                if (!empty)
                {
                    CgroupEnd.Kill(pod, container.Cgroup, _patience, static _ => { }, e => Diagnostics.Say(e.Message));
                }
            },
            failed);
    }

    public static void Begin(NamespacePod pod, NamespaceContainer container, Action done, Action<Exception> failed)
    {
        if (container.Status == ContainerStatus.Starting)
        {
            // The deletion waits for the start, which may hang: it fails when what it launches is killed.
            pod.Ends.Run(() => container.Cgroup.Kill(TimeSpan.Zero), static _ => { }, static e => Diagnostics.Say(e.Message));
        }

        container.Operations.Run(end =>
        {
            var (succeed, fail) = (end.With(done), end.With(failed));
            if (container.IsDeleted)
            {
                succeed();
            }
            else if (container.Status is ContainerStatus.Created)
            {
                pod.Close(container);
                Remove(pod, container, succeed, fail);
            }
            else
            {
                Kill(pod, container, succeed, fail);
            }
        }, failed);
    }

    private static void Kill(NamespacePod pod, NamespaceContainer container, Action done, Action<Exception> failed)
    {
        var over = false;
        LoopTimer? deadline = null;
        deadline = pod.Loop.After(_patience, () => Finish(TooLate));
        CgroupEnd.Kill(
            pod,
            container.Cgroup,
            _patience,
            empty =>
            {
                if (!empty)
                {
                    Finish(TooLate);
                }
                else if (container.Status == ContainerStatus.Stopped)
                {
                    Finish(Go);
                }
                else
                {
                    // The last process is dead; what follows its end has not been done yet.
                    container.WhenStopped(() => Finish(Go));
                }
            },
            error => Finish(() => failed(error)));

        void Finish(Action action)
        {
            if (!over)
            {
                over = true;
                deadline?.Cancel();
                action();
            }
        }

        void Go() => Remove(pod, container, done, failed);

        void TooLate() => failed(new SandboxException(
            RpcCode.FailedPrecondition,
            $"The container {container.Id} was killed, but something of it is still there after {_patience.TotalSeconds} s: " +
            "it waits in the kernel, often for a filesystem that does not answer."));
    }

    private static void Remove(NamespacePod pod, NamespaceContainer container, Action done, Action<Exception> failed)
    {
        if (container.Spec.Disks is not { } disks)
        {
            RemoveCgroup();
            return;
        }

        pod.Ends.Run(() => pod.GuestMounts!.Disks.Flush(disks), RemoveCgroup, e =>
        {
            // The monitor takes the disk away all the same.
            Diagnostics.Say($"The disks of {container.Id}: {e.Message}");
            RemoveCgroup();
        });

        void RemoveCgroup() => CgroupEnd.Remove(
            pod,
            container.Cgroup,
            _patience,
            () =>
            {
                container.Log?.Dispose();
                container.Log = null;
                container.Oom?.Dispose();
                container.Oom = null;
                container.Deleted();
                pod.Containers.Remove(container.Id);
                pod.Events.Forget(container.Id);
                pod.Exits.Forget(container.Id);
                done();
            },
            failed);
    }
}
