using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    // What Kubernetes gives a pod that names none. systemd waits for three times as long before it kills (DefaultTimeoutStopSec=).
    private static readonly TimeSpan _gracePeriod = TimeSpan.FromSeconds(30);
    private bool _isTerminating;

    /// <summary>
    /// SIGTERM: the machine is shut down and nobody has ended the pod, or somebody wants it gone. Its containers get their stop signals,
    /// and time. Then, or at the next SIGTERM, the pod ends as by Shutdown, and the process even when something is left.
    /// </summary>
    public void Terminate()
    {
        List<Container> running = [];
        foreach (var container in _pod.All)
        {
            if (container.Status == ContainerStatus.Running)
            {
                running.Add(container);
            }
        }

        if (_isTerminating || running.Count == 0)
        {
            End();
            return;
        }

        _isTerminating = true;
        _pod.Loop.After(_gracePeriod, End);
        var left = running.Count;
        foreach (var container in running)
        {
            container.WhenStopped(() =>
            {
                if (--left == 0)
                {
                    End();
                }
            });
            Stop(container);
        }
    }

    private static void Stop(Container container)
    {
        try
        {
            container.Signal(null, SignalNames.StopSignal(container.Spec.StopSignal), CallDeadline.Usual, static () => { }, static e => Diagnostics.Say(e.Message));
        }
        catch (SandboxException e)
        {
            Diagnostics.Say(e.Message);
        }
    }

    private void End() => _pod.End(CallDeadline.Usual, _pod.Loop.Stop, error =>
    {
        Diagnostics.Say(error.Message);
        ExitCode = 1;
        _pod.Loop.Stop();
    });
}
