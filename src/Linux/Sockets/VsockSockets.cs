using System.Buffers.Binary;
using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>Stream sockets between a virtual machine and its host (vsock(7)).</summary>
public static class VsockSockets
{
    /// <summary>The address of the host (VMADDR_CID_HOST).</summary>
    public const uint HostCid = 2;

    private const int AfVsock = 40;

    // linux/vm_sockets.h: struct sockaddr_vm
    private const int VsockAddressSize = 16;
    private const int VsockPortOffset = 4;
    private const int VsockCidOffset = 8;

    /// <summary>socket(2), bind(2) to whatever address the machine has, listen(2). Does not block.</summary>
    public static FileDescriptor Listen(uint port)
    {
        const uint AnyCid = 0xFFFFFFFF;
        const int StreamCloexecNonblock = 0x8_0801;
        var socket = new FileDescriptor(Check.Result(Libc.socket(AfVsock, StreamCloexecNonblock, 0), "socket", "vsock"));
        try
        {
            Span<byte> address = stackalloc byte[VsockAddressSize];
            address.Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(address, AfVsock);
            BinaryPrimitives.WriteUInt32LittleEndian(address[VsockPortOffset..], port);
            BinaryPrimitives.WriteUInt32LittleEndian(address[VsockCidOffset..], AnyCid);
            // SAFETY: the kernel reads as many bytes as it is told, which is what the span has.
            unsafe
            {
                fixed (byte* start = address)
                {
                    Check.Result(Libc.bind(socket, (sockaddr_un*)start, VsockAddressSize), "bind", $"vsock port {port}");
                }
            }

            Check.Result(Libc.listen(socket, 128), "listen", $"vsock port {port}");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>accept4(2).</summary>
    /// <returns>Does not block, with the address that it comes from; null when nobody is waiting or the caller has gone again.</returns>
    public static (FileDescriptor Socket, uint Cid)? Accept(FileDescriptor listener)
    {
        Span<byte> address = stackalloc byte[VsockAddressSize];
        return Sockets.Accept(listener, address, nonBlocking: true) is { } socket
            ? (socket, BinaryPrimitives.ReadUInt32LittleEndian(address[VsockCidOffset..]))
            : null;
    }
}
