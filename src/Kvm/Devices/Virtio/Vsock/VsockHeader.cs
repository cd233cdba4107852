using System.Buffers.Binary;

namespace Crisp.Kvm.Devices.Virtio.Vsock;

/// <summary>What a packet does (virtio 1.2, 5.10.6).</summary>
internal enum VsockOperation : ushort
{
    Request = 1,
    Response = 2,
    Reset = 3,
    Shutdown = 4,
    ReadWrite = 5,
    CreditUpdate = 6,
    CreditRequest = 7,
}

/// <summary>What the sender of a shutdown will not do any more.</summary>
[Flags]
internal enum VsockShutdown : uint
{
    None = 0,
    Receive = 1,
    Send = 2,
    Both = 3,
}

/// <summary>struct virtio_vsock_hdr: 44 bytes, little endian.</summary>
/// <param name="BufferSize">buf_alloc: what the sender can hold of what it has not consumed.</param>
/// <param name="Consumed">fwd_cnt: bytes that it has consumed since the connection began, modulo 2³².</param>
internal readonly record struct VsockHeader(
    ulong SourceCid,
    ulong TargetCid,
    uint SourcePort,
    uint TargetPort,
    uint Length,
    ushort Type,
    VsockOperation Operation,
    uint Flags,
    uint BufferSize,
    uint Consumed)
{
    internal const int Size = 44;

    /// <summary>VIRTIO_VSOCK_TYPE_STREAM.</summary>
    internal const ushort Stream = 1;

    internal static VsockHeader Parse(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]),
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[28..]),
        (VsockOperation)BinaryPrimitives.ReadUInt16LittleEndian(bytes[30..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[32..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[36..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[40..]));

    internal void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, SourceCid);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], TargetCid);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], SourcePort);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[20..], TargetPort);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[24..], Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[28..], Type);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[30..], (ushort)Operation);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[32..], Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[36..], BufferSize);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[40..], Consumed);
    }
}
