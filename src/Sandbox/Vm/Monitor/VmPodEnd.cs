using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>Shutdown: the guest kills its processes and switches itself off, or the machine is stopped; the exits are written.</summary>
internal sealed class VmPodEnd
{
    // The guest is asked, and not waited for: whatever it does, the machine's end ends all of it.
    private static readonly TimeSpan _shutdownPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan _powerOffPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _endPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(5);
    private readonly VmPod _pod;
    private readonly Action _done;
    private readonly Action<Exception> _failed;
    private long _deadline;

    private VmPodEnd(VmPod pod, Action done, Action<Exception> failed) => (_pod, _done, _failed) = (pod, done, failed);

    public static void Begin(VmPod pod, Action done, Action<Exception> failed)
    {
        var end = new VmPodEnd(pod, done, failed);

        // What is being started is started or fails first.
        pod.Launches.Run(static () => { }, end.AskGuest, failed);
    }

    private void AskGuest()
    {
        if (_pod.MachineEnd is not null || !_pod.IsBooted)
        {
            Stop();
            return;
        }

        _pod.Call("Shutdown", new ShutdownRequest(), ShutdownResponse.Parser, _shutdownPatience, _ => AwaitPowerOff(), _ => Stop());
    }

    private void AwaitPowerOff()
    {
        _deadline = Environment.TickCount64 + (long)_powerOffPatience.TotalMilliseconds;
        Poll(() => _pod.MachineEnd is not null, AwaitContainers, Stop);
    }

    private void Stop()
    {
        _pod.StopMachine("The pod was shut down.");
        _deadline = Environment.TickCount64 + (long)_endPatience.TotalMilliseconds;
        Poll(() => _pod.MachineEnd is not null, AwaitContainers, () => Fail("its virtual machine does not end"));
    }

    // Whoever waits in the guest has been told of the machine's end; logs are drained and exits written in a moment.
    private void AwaitContainers()
    {
        _deadline = Environment.TickCount64 + (long)_endPatience.TotalMilliseconds;
        Poll(
            () => _pod.Containers.Values.All(static c => c.Status is ContainerStatus.Created or ContainerStatus.Stopped),
            Release,
            () => Fail("the end of a container was not seen"));
    }

    private void Release()
    {
        foreach (var container in _pod.Containers.Values)
        {
            container.CloseLog();
        }

        // What an export pinned is free when the caller is told.
        _pod.Ends.Run(_pod.Release, _done, _failed);
    }

    private void Poll(Func<bool> condition, Action then, Action tooLate)
    {
        if (condition())
        {
            then();
        }
        else if (Environment.TickCount64 >= _deadline)
        {
            tooLate();
        }
        else
        {
            _pod.Loop.After(_pause, () => Poll(condition, then, tooLate));
        }
    }

    private void Fail(string why) => _failed(new SandboxException(RpcCode.FailedPrecondition, $"The pod {_pod.Id} cannot be ended: {why}."));
}
