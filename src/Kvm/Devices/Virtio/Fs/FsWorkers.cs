using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Kvm.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Fs;

/// <summary>The threads that carry out requests: as many as are needed at once, up to <see cref="MostWorkers"/>.</summary>
/// <remarks>
/// Each takes a request from the queue, carries it out without any lock, and gives it back as it takes the next. It wakes another one
/// when it leaves something in the queue; a thread is started only when all others are at work.
/// A reset waits for the requests under way, which may still write to the guest's memory: a guest whose disk does not answer waits with it.
/// </remarks>
internal sealed class FsWorkers : IDisposable
{
    /// <summary>Requests under way at one time. So many that wait for a dead disk keep all others waiting too.</summary>
    internal const int MostWorkers = 16;

    private const int StackSize = 256 * 1024;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly FuseServer _server;
    private readonly Func<FuseRequest> _newRequest;
    private readonly EventFd _failed = new();
    private readonly List<Worker> _workers = [];

    // Guards all below. Taken within the transport's lock, never the other way around.
    private readonly object _gate = new();
    private Exception? _failure;
    private bool _hasNews;
    private bool _isEnding;
    private bool _isStopping;
    private int _idle;
    private int _underWay;

    // Changed and read only within the transport's lock.
    private VirtQueue? _queue;
    private IVirtioHost? _host;
    private ulong _failureWatch;

    internal FsWorkers(FuseServer server, Func<FuseRequest> newRequest) => (_server, _newRequest) = (server, newRequest);

    private bool IsEnding
    {
        get
        {
            lock (_gate)
            {
                return _isEnding;
            }
        }
    }

    /// <summary>The queue is ready. Within the transport's lock, as the two below.</summary>
    internal void Start(VirtQueue queue, IVirtioHost host)
    {
        _queue = queue;
        _host = host;
        _failureWatch = host.Watch(_failed.Descriptor, EpollEvents.In, _ => Report());
    }

    /// <summary>There may be something in the queue.</summary>
    internal void Wake()
    {
        lock (_gate)
        {
            if (_isEnding)
            {
                return;
            }

            _hasNews = true;
            if (_idle > 0)
            {
                Monitor.Pulse(_gate);
            }
            else if (_workers.Count < MostWorkers)
            {
                var worker = new Worker(this);
                _workers.Add(worker);
                worker.Thread.Start();
            }
        }
    }

    /// <summary>The queue is no more. Returns when no request is under way.</summary>
    internal void Stop()
    {
        if (_queue is null)
        {
            return;
        }

        _host!.Unwatch(_failureWatch, _failed.Descriptor);
        _queue = null;
        lock (_gate)
        {
            _isStopping = true;
            while (_underWay > 0)
            {
                Monitor.Wait(_gate);
            }

            _isStopping = false;
        }
    }

    /// <summary>Ends the threads. The guest runs no more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isEnding = true;
            Monitor.PulseAll(_gate);
        }

        foreach (var worker in _workers)
        {
            if (worker.Thread.ThreadState != ThreadState.Unstarted && !worker.Thread.Join(s_patience))
            {
                // The guest's memory must stay: the thread may still write to it.
                throw new InvalidOperationException("A request to a file system does not end: what it lies on does not answer.");
            }
        }

        _failed.Dispose();
    }

    /// <returns>False when the threads are to end.</returns>
    private bool WaitForNews()
    {
        lock (_gate)
        {
            _idle++;
            while (!_hasNews && !_isEnding)
            {
                Monitor.Wait(_gate);
            }

            _idle--;
            _hasNews = false;
            return !_isEnding;
        }
    }

    private void Fail(Exception failure)
    {
        lock (_gate)
        {
            _failure ??= failure;
        }

        _failed.Signal();
    }

    /// <summary>On the device's thread, where what a driver did wrong is complained of and everything else ends the machine.</summary>
    private void Report()
    {
        _failed.Drain();
        Exception? failure;
        lock (_gate)
        {
            (failure, _failure) = (_failure, null);
        }

        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }
    }

    private sealed class Worker
    {
        private readonly FsWorkers _pool;
        private readonly Action _exchange;
        private FuseRequest? _request;
        private DescriptorChain? _chain;
        private VirtQueue? _chainQueue;
        private uint _written;
        private bool _isDone;
        private bool _hasTaken;

        internal Worker(FsWorkers pool)
        {
            _pool = pool;
            _exchange = Exchange;
            Thread = new Thread(Run, StackSize) { Name = "virtio-fs", IsBackground = true };
        }

        internal Thread Thread { get; }

        private void Run()
        {
            try
            {
                _request = _pool._newRequest();
                while (_pool.WaitForNews())
                {
                    while (TryTake())
                    {
                        CarryOut();
                    }
                }
            }
#pragma warning disable CA1031 // Whatever it is, it is this machine's end and not the process's.
            catch (Exception e)
            {
                _pool.Fail(e);
            }
#pragma warning restore CA1031
        }

        /// <summary>Gives back the request that is done, if any, and takes the next.</summary>
        private bool TryTake()
        {
            _hasTaken = false;
            // An exchange that is not made leaves nothing to give back: the queue is no more.
            _pool._host?.Work(_exchange);
            _isDone = false;
            return _hasTaken;
        }

        private void Exchange()
        {
            var queue = _pool._queue!;
            if (_chainQueue != queue)
            {
                (_chain, _chainQueue, _isDone) = (queue.CreateChain(), queue, false);
            }

            if (_isDone)
            {
                queue.Push(_chain!, _written);
                _isDone = false;
            }

            // What is left in the queue when the machine ends is nobody's any more.
            if (_pool.IsEnding || !queue.TryPop(_chain!))
            {
                return;
            }

            lock (_pool._gate)
            {
                _pool._underWay++;
            }

            _hasTaken = true;
            if (queue.HasAvailable)
            {
                _pool.Wake();
            }
        }

        private void CarryOut()
        {
            try
            {
                _written = _pool._server.Handle(_request!, _chain!);
                _isDone = true;
            }
            catch (Exception e) when (e is VirtioException or Memory.GuestMemoryException)
            {
                _pool.Fail(e);
            }
            finally
            {
                lock (_pool._gate)
                {
                    if (--_pool._underWay == 0 && _pool._isStopping)
                    {
                        // Idle threads look, too, and wait again.
                        Monitor.PulseAll(_pool._gate);
                    }
                }
            }
        }
    }
}
