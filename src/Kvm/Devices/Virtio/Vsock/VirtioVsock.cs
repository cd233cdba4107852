using System.Buffers.Binary;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Vsock;

/// <summary>The socket device (virtio 1.2, 5.10): streams between the guest and unix sockets of the host, or this process.</summary>
/// <remarks>
/// A guest that connects to the host's port P reaches the socket PATH_P. A program that connects to PATH and writes
/// <c>CONNECT P</c> and a line feed reaches the guest's port P, and reads <c>OK</c> and a port first.
/// The work of a packet is bounded, and so is what a guest can make the monitor keep: connections, 64 KiB for each of them.
/// </remarks>
internal sealed partial class VirtioVsock : IVirtioDevice, IDisposable
{
    /// <summary>VMADDR_CID_HOST.</summary>
    internal const ulong HostCid = 2;

    internal const int MostConnections = 512;

    private const int ReceiveQueue = 0;
    private const int TransmitQueue = 1;

    // Resets for connections that do not exist: a guest that sends more than it takes answers for waits.
    private const int MostRefusals = 128;
    private const int MostOfPacket = 16 * 1024;

    private readonly string? _path;
    private readonly string? _seenAs;
    private readonly ulong _guestCid;
    private readonly byte[] _config = new byte[8];
    private readonly byte[] _packet = new byte[MostOfPacket];
    private readonly FileDescriptor? _listener;
    private readonly Dictionary<VsockKey, VsockConnection> _connections = [];
    private readonly Queue<VsockConnection> _ready = new();
    private readonly Queue<VsockKey> _refusals = new();
    private VirtQueue? _receive;
    private VirtQueue? _transmit;
    private IVirtioHost? _host;
    private ulong _listenerWatch;

    /// <param name="guestCid">The guest's address: 3 or more.</param>
    /// <param name="path">Of the socket that this makes; it must not exist, and is removed at the end. Null: this process alone reaches the guest.</param>
    /// <param name="seenAs">The same path as it will be when guests connect: a process that changes its root sees another. Null: the same.</param>
    internal VirtioVsock(ulong guestCid, string? path, string? seenAs = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(guestCid, HostCid);
        (_guestCid, _path, _seenAs) = (guestCid, path, seenAs ?? path);
        BinaryPrimitives.WriteUInt64LittleEndian(_config, guestCid);
        _listener = path is null ? null : Sockets.Listen(path, nonBlocking: true);
    }

    public uint Id => 19;

    public ulong Features => 0;

    public IReadOnlyList<ushort> QueueSizes { get; } = [128, 128, 16];

    /// <summary>How many there are now.</summary>
    internal int Connections => _connections.Count;

    public void ReadConfig(ulong offset, Span<byte> data) => VirtioConfig.Read(_config, offset, data);

    public void WriteConfig(ulong offset, ReadOnlySpan<byte> data)
    {
    }

    public void Activate(ulong features, IReadOnlyList<VirtQueue?> queues, IVirtioHost host)
    {
        (_receive, _transmit, _host) = (queues[ReceiveQueue], queues[TransmitQueue], host);
        if (_receive is null || _transmit is null)
        {
            throw new VirtioException("The driver does not use both queues of the socket device.");
        }

        _listenerWatch = _listener is null ? 0 : host.Watch(_listener, EpollEvents.In, _ => AcceptClients());
        _askedWatch = host.Watch(_askedSignal.Descriptor, EpollEvents.In, _ => ConnectAsked());
    }

    public void Process(int queue)
    {
        if (queue is ReceiveQueue or TransmitQueue)
        {
            Work();
        }
    }

    public void Reset()
    {
        foreach (var connection in _connections.Values.ToList())
        {
            Close(connection);
        }

        foreach (var client in _clients.ToList())
        {
            Drop(client);
        }

        _ready.Clear();
        _refusals.Clear();
        if (_listenerWatch != 0)
        {
            _host!.Unwatch(_listenerWatch, _listener!);
            _listenerWatch = 0;
        }

        if (_askedWatch != 0)
        {
            _host!.Unwatch(_askedWatch, _askedSignal.Descriptor);
            _askedWatch = 0;
        }

        (_receive, _transmit, _host) = (null, null, null);
    }

    public void Dispose()
    {
        foreach (var connection in _connections.Values)
        {
            connection.Dispose();
        }

        _clients.ForEach(c => c.Socket.Dispose());
        DropAsked();
        if (_path is not null)
        {
            _listener!.Dispose();
            File.Delete(_path);
        }
    }

    /// <summary>Reads what the guest has sent and sends what there is for it, as far as it has room.</summary>
    private void Work()
    {
        bool hasSent;
        do
        {
            while (_refusals.Count < MostRefusals && _transmit!.TryPop() is { } chain)
            {
                Receive(chain);
                _transmit.Push(chain, 0);
            }

            hasSent = false;
            while (_receive!.HasAvailable && SendNext())
            {
                hasSent = true;
            }
        }
        while (hasSent && _refusals.Count < MostRefusals && _transmit!.HasAvailable);
    }

    /// <returns>False when there is nothing to send.</returns>
    private bool SendNext()
    {
        if (_refusals.TryDequeue(out var key))
        {
            Send(new VsockHeader(HostCid, _guestCid, key.HostPort, key.GuestPort, 0, VsockHeader.Stream, VsockOperation.Reset, 0, 0, 0));
            return true;
        }

        if (!_ready.TryDequeue(out var connection))
        {
            return false;
        }

        connection.IsQueued = false;
        // One that was closed meanwhile has nothing to say.
        if (_connections.TryGetValue(connection.Key, out var current) && current == connection)
        {
            SendNews(connection);
        }

        return true;
    }

    private void Send(VsockHeader header, ReadOnlySpan<byte> data = default)
    {
        // The caller has seen that there is a chain, and only this thread takes them.
        var chain = _receive!.TryPop()!;
        SendIn(chain, header, data);
    }

    private void SendIn(DescriptorChain chain, VsockHeader header, ReadOnlySpan<byte> data)
    {
        Span<byte> bytes = stackalloc byte[VsockHeader.Size];
        header.Write(bytes);
        if (chain.Write(bytes) < bytes.Length || chain.Write(data) < data.Length)
        {
            throw new VirtioException("A buffer for packets to the guest has no room for one.");
        }

        _receive!.Push(chain, chain.Written);
    }

    private void SendNews(VsockConnection connection)
    {
        if (connection.Due is { } due)
        {
            connection.Due = null;
            Send(connection.Packet(_guestCid, due));
            if (due == VsockOperation.Reset)
            {
                Close(connection);
                return;
            }
        }
        else if (connection.IsReadable && connection.IsEstablished && !connection.HasEnded && connection.Credit > 0)
        {
            SendData(connection);
        }
        else if (connection.IsShutdownDue)
        {
            connection.IsShutdownDue = false;
            Send(connection.Packet(_guestCid, VsockOperation.Shutdown, flags: VsockShutdown.Send));
        }
        else if (connection.IsCreditDue)
        {
            Send(connection.Packet(_guestCid, VsockOperation.CreditUpdate));
        }

        Settle(connection);
    }

    private void SendData(VsockConnection connection)
    {
        var chain = _receive!.TryPop()!;
        var room = Math.Min(Math.Min(chain.WritableLeft - VsockHeader.Size, connection.Credit), MostOfPacket);
        if (room <= 0)
        {
            throw new VirtioException("A buffer for packets to the guest has no room for one.");
        }

        var count = Files.TryRead(connection.Socket, _packet.AsSpan(0, (int)room), out var errno);
        if (count > 0)
        {
            SendIn(chain, connection.Packet(_guestCid, VsockOperation.ReadWrite, (uint)count), _packet.AsSpan(0, count));
            return;
        }

        _receive.PutBack();
        connection.IsReadable = false;
        // Whatever else a read of a connected socket can fail with, it will never bring anything again.
        connection.HasEnded = errno != Errno.EAGAIN;
        connection.IsShutdownDue = connection.HasEnded;
    }

    /// <summary>After anything has changed: ends what is over, queues what has news, and watches what can change by itself.</summary>
    private void Settle(VsockConnection connection)
    {
        if (connection is { IsEstablished: true, Buffered: 0, Due: null })
        {
            if ((connection.GuestShutdown & VsockShutdown.Send) != 0 && !connection.IsSocketShut)
            {
                connection.IsSocketShut = true;
                connection.TryShutdownSocket();
            }

            var isOver = connection.GuestShutdown == VsockShutdown.Both
                || (connection is { HasEnded: true, IsShutdownDue: false } && (connection.GuestShutdown & VsockShutdown.Send) != 0);
            connection.Due = isOver ? VsockOperation.Reset : null;
        }

        if (connection.HasNews && !connection.IsQueued)
        {
            connection.IsQueued = true;
            _ready.Enqueue(connection);
        }

        UpdateWatch(connection);
    }

    private void UpdateWatch(VsockConnection connection)
    {
        var interest = (connection is { IsEstablished: true, IsReadable: false, HasEnded: false } ? EpollEvents.In : EpollEvents.None)
            | (connection.Buffered > 0 ? EpollEvents.Out : EpollEvents.None);
        if (interest == connection.Interest)
        {
            return;
        }

        // Nothing is watched for nothing: a hang-up would be reported again and again.
        if (connection.Watch is { } watch && interest == EpollEvents.None)
        {
            _host!.Unwatch(watch, connection.Socket);
            connection.Watch = null;
        }
        else if (connection.Watch is { } known)
        {
            _host!.Modify(known, connection.Socket, interest);
        }
        else
        {
            connection.Watch = _host!.Watch(connection.Socket, interest, events => OnSocket(connection, events));
        }

        connection.Interest = interest;
    }

    private void OnSocket(VsockConnection connection, EpollEvents events)
    {
        const EpollEvents Gone = EpollEvents.HangUp | EpollEvents.Error;
        if ((events & (EpollEvents.In | Gone)) != 0)
        {
            connection.IsReadable = true;
        }

        if ((events & (EpollEvents.Out | Gone)) != 0 && !connection.FlushBuffer())
        {
            connection.Due = VsockOperation.Reset;
        }

        Settle(connection);
        Work();
    }

    private void Close(VsockConnection connection)
    {
        if (connection.Watch is { } watch)
        {
            _host!.Unwatch(watch, connection.Socket);
        }

        connection.Watch = null;
        _connections.Remove(connection.Key);
        connection.Dispose();
    }
}
