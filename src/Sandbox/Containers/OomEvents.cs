using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>Tells when the OOM killer was at work in a container.</summary>
/// <remarks>cgroup v1 notifies before it kills: the count is read again a moment later, and once more at the container's end.</remarks>
internal sealed class OomEvents : IEventHandler, IDisposable
{
    private static readonly TimeSpan _moment = TimeSpan.FromMilliseconds(100);
    private readonly EventLoop _loop;
    private readonly OomWatch _oom;
    private readonly Action _told;
    private readonly Watch _watch;
    private ulong _count;
    private bool _disposed;

    /// <param name="told">Called each time that the count of killed processes has grown.</param>
    public OomEvents(EventLoop loop, OomWatch oom, Action told)
    {
        _loop = loop;
        _oom = oom;
        _told = told;
        _watch = loop.Watch(oom.Descriptor, oom.Events, this);
    }

    public void OnReady(EpollEvents events)
    {
        Count(_oom.Read());
        if (_oom.CgroupRemoved)
        {
            _watch.Dispose();
        }
        else
        {
            _loop.After(_moment, CountAgain);
        }
    }

    /// <summary>What the cgroup says at the container's end.</summary>
    public void Count(ulong killed)
    {
        if (killed > _count)
        {
            _count = killed;
            _told();
        }
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _watch.Dispose();
            _oom.Dispose();
        }
    }

    private void CountAgain()
    {
        if (!_disposed)
        {
            Count(_oom.Read());
        }
    }
}
