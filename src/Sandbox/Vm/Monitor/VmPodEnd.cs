using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>Shutdown: the guest kills its processes and switches itself off, or the machine is stopped; the exits are written.</summary>
internal sealed class VmPodEnd
{
    // The guest is asked, and not waited for: whatever it does, the machine's end ends all of it.
    private static readonly TimeSpan _shutdownPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan _powerOffPatience = TimeSpan.FromSeconds(5);
    private readonly VmPod _pod;
    private readonly CallDeadline _deadline;
    private readonly Action _done;
    private readonly Action<Exception> _failed;
    private readonly LoopTimer _timer;
    private string _awaited = "what is being started does not come to an end";
    private int _running;
    private bool _isOver;

    private VmPodEnd(VmPod pod, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        (_pod, _deadline, _done, _failed) = (pod, deadline, done, failed);
        _timer = pod.Loop.After(deadline.Remaining, Fail);
    }

    public static void Begin(VmPod pod, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        var end = new VmPodEnd(pod, deadline, done, failed);

        // What is being started is started or fails first.
        pod.Launches.Run(static () => { }, end.AskGuest, failed);
    }

    private void AskGuest()
    {
        if (_isOver)
        {
            return;
        }

        _awaited = "its virtual machine does not end";
        _pod.WhenMachineEnded(AwaitContainers);
        if (_pod.MachineEnd is not null)
        {
            return;
        }

        if (_pod.IsBooted)
        {
            _pod.Call(
                "Shutdown",
                new ShutdownRequest(),
                ShutdownResponse.Parser,
                CallDeadline.After(_deadline.Share(_shutdownPatience)),
                _ => _pod.Loop.After(_deadline.Share(_powerOffPatience), Stop),
                _ => Stop());
        }
        else
        {
            Stop();
        }
    }

    private void Stop()
    {
        if (_pod.MachineEnd is null)
        {
            _pod.StopMachine("The pod was shut down.");
        }
    }

    // Whoever waits in the guest has been told of the machine's end; logs are drained and exits written in a moment.
    private void AwaitContainers()
    {
        _awaited = "the end of a container was not seen";
        foreach (var container in _pod.Containers.Values)
        {
            if (container.Status is not (ContainerStatus.Created or ContainerStatus.Stopped))
            {
                _running++;
                container.WhenStopped(() =>
                {
                    _running--;
                    ReleaseWhenStopped();
                });
            }
        }

        ReleaseWhenStopped();
    }

    private void ReleaseWhenStopped()
    {
        if (_running > 0 || _isOver)
        {
            return;
        }

        _isOver = true;
        _timer.Cancel();
        foreach (var container in _pod.Containers.Values)
        {
            container.CloseLog();
        }

        // What an export pinned is free when the caller is told.
        _pod.Ends.Run(_pod.Release, _done, _failed);
    }

    private void Fail()
    {
        if (!_isOver)
        {
            _isOver = true;
            _failed(new SandboxException(RpcCode.FailedPrecondition, $"The pod {_pod.Id} cannot be ended: {_awaited}."));
        }
    }
}
