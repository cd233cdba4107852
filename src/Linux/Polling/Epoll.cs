using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>EPOLL* of epoll_ctl(2).</summary>
[Flags]
public enum EpollEvents : uint
{
    None = 0,
    In = 0x1,
    Priority = 0x2,
    Out = 0x4,
    Error = 0x8,
    HangUp = 0x10,
    PeerHangUp = 0x2000,
    OneShot = 0x4000_0000,
    EdgeTriggered = 0x8000_0000,
}

/// <summary>What <see cref="Epoll.Wait"/> reports: the events, and the number given when the descriptor was added.</summary>
public readonly record struct EpollReport(EpollEvents Events, ulong Data);

/// <summary>An epoll(7) instance. Closing the last descriptor of a file removes it from the set.</summary>
public sealed class Epoll : IDisposable
{
    private const int MaxEvents = 32;
    private readonly FileDescriptor _epoll;

    public Epoll()
    {
        const int EpollCloexec = 0x8_0000;
        _epoll = new FileDescriptor(Check.Result(Libc.epoll_create1(EpollCloexec), "epoll_create1"));
    }

    /// <param name="data">Comes back with each report of this descriptor.</param>
    public void Add(FileDescriptor file, EpollEvents events, ulong data) => Control(1, file, events, data);

    public void Modify(FileDescriptor file, EpollEvents events, ulong data) => Control(3, file, events, data);

    public void Remove(FileDescriptor file) => Control(2, file, EpollEvents.None, 0);

    /// <summary>epoll_wait(2).</summary>
    /// <param name="reports">At most 32 are filled in one call.</param>
    /// <param name="timeoutMilliseconds">-1 waits for ever.</param>
    /// <returns>How many; 0 when the time is over or a signal came.</returns>
    public int Wait(Span<EpollReport> reports, int timeoutMilliseconds)
    {
        var capacity = Math.Min(reports.Length, MaxEvents);
        // SAFETY: the kernel fills at most capacity events of the array, which lives on this stack.
        unsafe
        {
            var events = stackalloc epoll_event[MaxEvents];
            var count = Libc.epoll_wait(_epoll, events, capacity, timeoutMilliseconds);
            if (count == -1 && Check.LastError == Errno.EINTR)
            {
                return 0;
            }

            Check.Result(count, "epoll_wait");
            for (var i = 0; i < count; i++)
            {
                reports[i] = new EpollReport((EpollEvents)(uint)events[i].events, events[i].data.u64);
            }

            return count;
        }
    }

    public void Dispose() => _epoll.Dispose();

    private void Control(int operation, FileDescriptor file, EpollEvents events, ulong data)
    {
        // SAFETY: the kernel reads the structure, which lives on this stack.
        unsafe
        {
            var e = default(epoll_event);
            e.events = (int)events;
            e.data.u64 = data;
            Check.Result(Libc.epoll_ctl(_epoll, operation, file, &e), "epoll_ctl", file);
        }
    }
}
