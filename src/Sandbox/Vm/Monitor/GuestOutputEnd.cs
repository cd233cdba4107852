using Crisp.Sandbox.Logs;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>
/// The end of a container's output: what its processes have written is still on its way from the guest when their end is told.
/// A guest that does not close its streams is not waited for, nor is one that runs no more.
/// </summary>
internal static class GuestOutputEnd
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(3);

    public static void Await(VmPod pod, LogPump log, Action over)
    {
        if (pod.MachineEnd is not null)
        {
            over();
            return;
        }

        var isOver = false;
        var patience = pod.Loop.After(_patience, Go);
        log.AwaitEnd(() => pod.Loop.Post(() =>
        {
            patience.Cancel();
            Go();
        }));

        void Go()
        {
            if (!isOver)
            {
                isOver = true;
                over();
            }
        }
    }
}
