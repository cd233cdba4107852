using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Vsock;

/// <summary>Connections that this process makes to the guest.</summary>
internal sealed partial class VirtioVsock
{
    private readonly Lock _askedLock = new();
    private readonly Queue<(uint Port, FileDescriptor Socket)> _asked = new();
    private readonly EventFd _askedSignal = new();
    private ulong _askedWatch;
    private bool _isDisposed;

    /// <summary>Connects to a port of the guest's, now or as soon as it has a driver. From any thread.</summary>
    /// <returns>Does not block. When the guest refuses the connection, or the machine is gone, it ends at once.</returns>
    internal FileDescriptor Connect(uint port)
    {
        var (ours, guests) = Sockets.CreatePair(nonBlocking: true);
        lock (_askedLock)
        {
            if (_isDisposed || _asked.Count == MostClients)
            {
                guests.Dispose();
            }
            else
            {
                _asked.Enqueue((port, guests));
                _askedSignal.Signal();
            }
        }

        return ours;
    }

    private void ConnectAsked()
    {
        _askedSignal.Drain();
        while (TakeAsked() is var (port, socket))
        {
            if (_connections.Count == MostConnections)
            {
                socket.Dispose();
                continue;
            }

            var connection = new VsockConnection(new VsockKey(port, FreeHostPort(port)), socket) { Due = VsockOperation.Request, IsDirect = true };
            _connections.Add(connection.Key, connection);
            Settle(connection);
        }

        Work();
    }

    private (uint Port, FileDescriptor Socket)? TakeAsked()
    {
        lock (_askedLock)
        {
            return _asked.TryDequeue(out var asked) ? asked : null;
        }
    }

    private void DropAsked()
    {
        lock (_askedLock)
        {
            _isDisposed = true;
            while (_asked.TryDequeue(out var asked))
            {
                asked.Socket.Dispose();
            }

            _askedSignal.Dispose();
        }
    }
}
