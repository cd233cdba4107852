using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>Follows what the guest tells of its OOM killer. Ends of processes come as answers to Wait, of which none is ever left out.</summary>
internal sealed class GuestEvents(VmPod pod)
{
    // A guest that always has news must not keep the loop from its other work.
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);
    private ulong _sequence;

    public void Follow()
    {
        var request = new EventsRequest { AfterSequence = _sequence };
        pod.Call("Events", request, EventsResponse.Parser, deadline: null, Take, static _ => { });
    }

    private void Take(EventsResponse response)
    {
        foreach (var one in response.Events)
        {
            _sequence = Math.Max(_sequence, one.Sequence);
            if (one.ContainerOom is { } oom && pod.Containers.ContainsKey(oom.ContainerId))
            {
                pod.Events.ContainerOom(oom.ContainerId);
            }
        }

        pod.Loop.After(_pause, Follow);
    }
}
