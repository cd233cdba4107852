using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Vsock;

/// <summary>One stream between the guest and a unix socket: what is in between, and how much each side may still send.</summary>
internal sealed class VsockConnection(VsockKey key, FileDescriptor socket) : IDisposable
{
    /// <summary>What the guest may have sent and the socket not taken.</summary>
    internal const int BufferSize = 64 * 1024;

    // Made when a socket does not take all at once, and a ring from then on.
    private byte[]? _buffer;
    private int _start;
    private uint _fromGuest;
    private uint _toGuest;
    private uint _consumed;
    private uint _toldConsumed;
    private uint _guestBufferSize;
    private uint _guestConsumed;

    internal VsockKey Key { get; } = key;

    internal FileDescriptor Socket { get; } = socket;

    /// <summary>Of this process, which needs not be told that the guest has taken it.</summary>
    internal bool IsDirect { get; init; }

    /// <summary>Of the socket; null when it is not watched.</summary>
    internal ulong? Watch { get; set; }

    /// <summary>What the socket is watched for.</summary>
    internal EpollEvents Interest { get; set; }

    /// <summary>The packet that must be sent before any other: a request, its answer, or a reset. A reset is the end.</summary>
    internal VsockOperation? Due { get; set; }

    /// <summary>Both sides have agreed to the connection.</summary>
    internal bool IsEstablished { get; set; }

    /// <summary>The socket may have something to read.</summary>
    internal bool IsReadable { get; set; }

    /// <summary>The socket has nothing more, ever.</summary>
    internal bool HasEnded { get; set; }

    /// <summary>The guest must be told that.</summary>
    internal bool IsShutdownDue { get; set; }

    /// <summary>What the guest said that it will not do any more.</summary>
    internal VsockShutdown GuestShutdown { get; set; }

    /// <summary>Whether the socket was told that the guest sends nothing more.</summary>
    internal bool IsSocketShut { get; set; }

    /// <summary>Whether it waits to send.</summary>
    internal bool IsQueued { get; set; }

    /// <summary>Bytes for the socket that it has not taken.</summary>
    internal int Buffered { get; private set; }

    /// <summary>Bytes that the guest can take.</summary>
    internal uint Credit => _guestBufferSize - Math.Min(_guestBufferSize, _toGuest - _guestConsumed);

    /// <summary>Whether the guest should be told how much was consumed: when it may believe that half of the room is taken.</summary>
    internal bool IsCreditDue { get; set; }

    internal bool HasNews => Due is not null || IsCreditDue || IsShutdownDue || (IsReadable && IsEstablished && !HasEnded && Credit > 0);

    /// <summary>The guest's part of flow control, in every packet.</summary>
    internal void Learn(VsockHeader header) => (_guestBufferSize, _guestConsumed) = (header.BufferSize, header.Consumed);

    /// <summary>A packet to the guest, with this side's part of flow control.</summary>
    internal VsockHeader Packet(ulong guestCid, VsockOperation operation, uint length = 0, VsockShutdown flags = VsockShutdown.None)
    {
        _toGuest += length;
        _toldConsumed = _consumed;
        IsCreditDue = false;
        return new VsockHeader(
            VirtioVsock.HostCid, guestCid, Key.HostPort, Key.GuestPort, length, VsockHeader.Stream, operation, (uint)flags, BufferSize, _consumed);
    }

    /// <summary>Passes on what the guest has sent.</summary>
    /// <returns>False when it sent more than it may, or the socket is gone.</returns>
    internal bool Accept(DescriptorChain chain, uint length)
    {
        if (length > BufferSize || _fromGuest - _consumed > BufferSize - length)
        {
            return false;
        }

        _fromGuest += length;
        for (var left = (int)length; left > 0;)
        {
            var piece = chain.NextReadable(left);
            left -= piece.Length;
            var written = Buffered > 0 ? 0 : TryWrite(piece);
            if (written < 0)
            {
                return false;
            }

            Keep(piece[written..]);
        }

        return true;
    }

    /// <summary>Gives the socket what it did not take before.</summary>
    /// <returns>False when the socket is gone.</returns>
    internal bool FlushBuffer()
    {
        while (Buffered > 0)
        {
            var piece = _buffer.AsSpan(_start, Math.Min(Buffered, BufferSize - _start));
            var written = TryWrite(piece);
            if (written <= 0)
            {
                return written == 0;
            }

            _start = (_start + written) % BufferSize;
            Buffered -= written;
        }

        return true;
    }

    /// <summary>Tells the socket that nothing more comes.</summary>
    internal void TryShutdownSocket()
    {
        try
        {
            Sockets.ShutdownWrite(Socket);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOTCONN)
        {
            // Its other end is gone, and needs not be told.
            HasEnded = true;
        }
    }

    public void Dispose() => Socket.Dispose();

    /// <returns>Bytes taken; 0 when the socket is full, -1 when it is gone.</returns>
    private int TryWrite(ReadOnlySpan<byte> bytes)
    {
        var written = Files.TryWrite(Socket, bytes, out var errno);
        if (written < 0)
        {
            return errno == Errno.EAGAIN ? 0 : -1;
        }

        _consumed += (uint)written;
        IsCreditDue |= _consumed - _toldConsumed >= BufferSize / 2;
        return written;
    }

    private void Keep(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        _buffer ??= new byte[BufferSize];
        var end = (_start + Buffered) % BufferSize;
        var first = Math.Min(bytes.Length, BufferSize - end);
        bytes[..first].CopyTo(_buffer.AsSpan(end));
        bytes[first..].CopyTo(_buffer);
        Buffered += bytes.Length;
    }
}
