using Crisp.Linux;

namespace Crisp.Cgroups;

/// <summary>
/// Tells through epoll that the OOM killer was at work. v1: an eventfd registered in cgroup.event_control
/// (cgroup-v1/memory.rst, "OOM Control"). v2: memory.events, whose change kernfs reports as EPOLLPRI.
/// </summary>
public sealed class OomWatch : IDisposable
{
    private readonly EventFd? _eventFd;
    private readonly FileDescriptor? _events;
    private readonly Func<ulong> _count;
    private ulong _last;

    internal OomWatch(EventFd eventFd, Func<ulong> count)
    {
        _eventFd = eventFd;
        _count = count;
    }

    internal OomWatch(FileDescriptor events)
    {
        _events = events;
        _count = ReadEvents;

        // The file's change counter starts at the first read.
        Read();
    }

    /// <summary>For epoll, with <see cref="Events"/>.</summary>
    public FileDescriptor Descriptor => _eventFd?.Descriptor ?? _events!;

    public EpollEvents Events => _eventFd is null ? EpollEvents.Priority : EpollEvents.In;

    /// <summary>
    /// <see cref="Read"/> found the cgroup gone. v1 sends a last notification then, and the descriptor stays readable: take
    /// it out of epoll. v2 sends none (kernfs wakes nobody when it removes a file): who removes the cgroup drops the watch.
    /// </summary>
    public bool CgroupRemoved { get; private set; }

    /// <summary>Takes the notification and reads how many processes were killed since the cgroup was made.</summary>
    /// <remarks>On v1 the notification comes before the kill, so the count may still grow.</remarks>
    public ulong Read()
    {
        _eventFd?.Drain();
        try
        {
            _last = _count();
        }
        catch (CgroupException e) when (e.Errno is Errno.ENOENT or Errno.ENODEV)
        {
            CgroupRemoved = true;
        }

        return _last;
    }

    public void Dispose()
    {
        _eventFd?.Dispose();
        _events?.Dispose();
    }

    private ulong ReadEvents()
    {
        Span<byte> buffer = stackalloc byte[512];
        try
        {
            var length = Files.ReadAt(_events!, buffer, 0);
            return FlatKeyed.Get(buffer[..length], "oom_kill"u8);
        }
        catch (LinuxException e)
        {
            throw new CgroupException("read", e.Path!, e.Errno);
        }
    }
}
