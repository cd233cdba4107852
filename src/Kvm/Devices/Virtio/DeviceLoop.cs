using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio;

/// <summary>A device's own thread: it waits for descriptors and calls what was given with them, one after the other.</summary>
internal sealed class DeviceLoop : IDisposable
{
    private const int StackSize = 256 * 1024;
    private const ulong StopId = 0;

    private readonly Epoll _epoll = new();
    private readonly EventFd _stop = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Action<EpollEvents>> _watches = [];
    private readonly Action<Exception> _failed;
    private readonly Thread _thread;
    private ulong _lastId = StopId;
    private volatile bool _isStopping;

    /// <param name="failed">Gets what no device foresaw.</param>
    internal DeviceLoop(string name, Action<Exception> failed)
    {
        _failed = failed;
        _epoll.Add(_stop.Descriptor, EpollEvents.In, StopId);
        _thread = new Thread(Run, StackSize) { Name = name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Calls the action whenever the descriptor has one of the events. From any thread.</summary>
    /// <returns>For <see cref="Modify"/> and <see cref="Unwatch"/>.</returns>
    internal ulong Watch(FileDescriptor file, EpollEvents events, Action<EpollEvents> action)
    {
        lock (_lock)
        {
            var id = ++_lastId;
            _watches.Add(id, action);
            _epoll.Add(file, events, id);
            return id;
        }
    }

    /// <summary>Runs the action on the loop's thread and waits for its end. Not from that thread.</summary>
    internal void Invoke(Action action)
    {
        using var signal = new EventFd();
        using var done = new ManualResetEventSlim();
        var watch = Watch(signal.Descriptor, EpollEvents.In, _ =>
        {
            signal.Drain();
            try
            {
                action();
            }
            finally
            {
                done.Set();
            }
        });
        signal.Signal();
        done.Wait();
        Unwatch(watch, signal.Descriptor);
    }

    internal void Modify(ulong id, FileDescriptor file, EpollEvents events) => _epoll.Modify(file, events, id);

    /// <summary>Before the descriptor is closed.</summary>
    internal void Unwatch(ulong id, FileDescriptor file)
    {
        lock (_lock)
        {
            _watches.Remove(id);
            _epoll.Remove(file);
        }
    }

    public void Dispose()
    {
        _isStopping = true;
        _stop.Signal();
        _thread.Join();
        _epoll.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        var reports = new EpollReport[16];
        while (!_isStopping)
        {
            var count = _epoll.Wait(reports, -1);
            foreach (var report in reports.AsSpan(0, count))
            {
                Call(report);
            }
        }
    }

    private void Call(EpollReport report)
    {
        Action<EpollEvents>? action;
        lock (_lock)
        {
            // One that was removed by another of the same round is not called any more.
            if (!_watches.TryGetValue(report.Data, out action))
            {
                return;
            }
        }

        try
        {
            action(report.Events);
        }
#pragma warning disable CA1031 // Whatever it is, it is this machine's end and not the process's.
        catch (Exception e)
        {
            _failed(e);
        }
#pragma warning restore CA1031
    }
}
