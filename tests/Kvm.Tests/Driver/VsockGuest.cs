using System.Buffers.Binary;
using Crisp.Kvm.Devices.Virtio.Vsock;
using Xunit;

namespace Crisp.Kvm.Tests.Driver;

/// <summary>A packet as the guest sees it (virtio 1.2, 5.10.6): fields in its order.</summary>
internal sealed record VsockPacket(
    ulong SourceCid, ulong TargetCid, uint SourcePort, uint TargetPort, ushort Type, ushort Operation, uint Flags, uint BufferSize, uint Consumed, byte[] Data);

/// <summary>The guest's side of the socket device.</summary>
internal sealed class VsockGuest : IDisposable
{
    internal const ushort Request = 1, Response = 2, Reset = 3, Shutdown = 4, ReadWrite = 5, CreditUpdate = 6, CreditRequest = 7;
    internal const ulong Cid = 3;
    private const int Buffers = 16, BufferLength = 4096, HeaderLength = 44;
    private ulong _buffers;
    private DriverQueue _receive = null!;
    private DriverQueue _transmit = null!;

    internal VsockGuest(string? path, bool hasBuffers = true, bool isStarted = true)
    {
        Device = new VirtioVsock(Cid, path);
        Driver = new VirtioDriver(Device);
        if (isStarted)
        {
            Start(hasBuffers);
        }
    }

    internal VirtioVsock Device { get; }

    internal VirtioDriver Driver { get; }

    internal DriverQueue Transmit => _transmit;

    /// <summary>What it tells in its packets that it can take.</summary>
    internal uint BufferSize { get; set; } = 256 * 1024;

    internal uint Consumed { get; set; }

    internal void Start(bool hasBuffers = true)
    {
        var queues = Driver.Start(0, Buffers, 16, 8);
        (_receive, _transmit) = (queues[0], queues[1]);
        _buffers = Driver.Allocate(Buffers * BufferLength);
        if (hasBuffers)
        {
            GiveBuffers();
        }
    }

    internal void GiveBuffers()
    {
        for (var i = 0; i < Buffers; i++)
        {
            _receive.Add(new Part(_buffers + (ulong)(i * BufferLength), BufferLength, IsWritable: true));
        }

        _receive.Notify();
    }

    internal void Send(ushort operation, uint guestPort, uint hostPort, ReadOnlySpan<byte> data = default, uint flags = 0, ulong cid = Cid, ushort type = 1)
    {
        var parts = Packet(operation, guestPort, hostPort, data, flags, cid, type);
        _transmit.Send(parts);
    }

    /// <summary>Sends without waiting until it is taken.</summary>
    internal void Post(ushort operation, uint guestPort, uint hostPort)
    {
        _transmit.Add(Packet(operation, guestPort, hostPort, default, 0, Cid, 1));
        _transmit.Notify();
    }

    internal VsockPacket Receive()
    {
        var (id, length) = _receive.WaitUsed();
        var bytes = Driver.Memory.Slice(_buffers + id * BufferLength, (int)length).ToArray();
        _receive.MakeAvailable((ushort)id);
        _receive.Notify();
        var b = bytes.AsSpan();
        var dataLength = BinaryPrimitives.ReadUInt32LittleEndian(b[24..]);
        Assert.Equal(HeaderLength + dataLength, length);
        return new VsockPacket(
            BinaryPrimitives.ReadUInt64LittleEndian(b),
            BinaryPrimitives.ReadUInt64LittleEndian(b[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(b[16..]),
            BinaryPrimitives.ReadUInt32LittleEndian(b[20..]),
            BinaryPrimitives.ReadUInt16LittleEndian(b[28..]),
            BinaryPrimitives.ReadUInt16LittleEndian(b[30..]),
            BinaryPrimitives.ReadUInt32LittleEndian(b[32..]),
            BinaryPrimitives.ReadUInt32LittleEndian(b[36..]),
            BinaryPrimitives.ReadUInt32LittleEndian(b[40..]),
            bytes[HeaderLength..]);
    }

    /// <summary>The next packet that carries data, or whatever else is not about credit.</summary>
    internal VsockPacket ReceiveNews()
    {
        VsockPacket packet;
        do
        {
            packet = Receive();
        }
        while (packet.Operation == CreditUpdate);
        return packet;
    }

    public void Dispose() => Driver.Dispose();

    private Part[] Packet(ushort operation, uint guestPort, uint hostPort, ReadOnlySpan<byte> data, uint flags, ulong cid, ushort type)
    {
        var bytes = new byte[HeaderLength];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, cid);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), 2);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), guestPort);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), hostPort);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(24), (uint)data.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(28), type);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(30), operation);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(32), flags);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(36), BufferSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(40), Consumed);
        var header = new Part(Driver.Allocate(bytes), HeaderLength, IsWritable: false);
        return data.IsEmpty ? [header] : [header, new Part(Driver.Allocate(data), data.Length, IsWritable: false)];
    }
}
