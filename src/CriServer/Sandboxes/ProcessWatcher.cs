using System.Collections.Concurrent;
using Crisp.Linux;

namespace Crisp.CriServer.Sandboxes;

/// <summary>
/// Sees every pod's process end, by its pidfd, on one thread for all of them. The daemon is no parent, so it learns that a
/// process has ended, not how.
/// </summary>
public sealed class ProcessWatcher : IDisposable
{
    private readonly Epoll _epoll = new();
    private readonly EventFd _wake = new();
    private readonly ConcurrentDictionary<ulong, Watch> _watches = new();
    private readonly Thread _thread;
    private ulong _last;
    private volatile bool _disposed;

    public ProcessWatcher()
    {
        _epoll.Add(_wake.Descriptor, EpollEvents.In, 0);
        _thread = new Thread(Run) { IsBackground = true, Name = "process watcher" };
        _thread.Start();
    }

    /// <summary>Calls <paramref name="ended"/> once, on the thread pool, when the process has ended.</summary>
    /// <param name="pidfd">Stays open for the watcher until then.</param>
    public void Add(FileDescriptor pidfd, Action ended)
    {
        var number = Interlocked.Increment(ref _last);
        _watches[number] = new Watch(pidfd, ended);
        _epoll.Add(pidfd, EpollEvents.In, number);
    }

    public void Dispose()
    {
        _disposed = true;
        _wake.Signal();
        _thread.Join();
        _epoll.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        Span<EpollReport> reports = new EpollReport[32];
        while (!_disposed)
        {
            var count = _epoll.Wait(reports, -1);
            foreach (var report in reports[..count])
            {
                if (_watches.TryRemove(report.Data, out var watch))
                {
                    _epoll.Remove(watch.Pidfd);
                    ThreadPool.QueueUserWorkItem(static ended => ended(), watch.Ended, preferLocal: false);
                }
            }
        }
    }

    private sealed record Watch(FileDescriptor Pidfd, Action Ended);
}
