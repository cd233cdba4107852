using System.Buffers.Binary;
using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>TCP connections to the calling thread's own loopback (tcp(7)), for loops that must not wait.</summary>
public static class LoopbackSocket
{
    /// <summary>socket(2), connect(2) to 127.0.0.1, or to ::1. Does not block: see <see cref="Result"/> when it can be written.</summary>
    /// <exception cref="LinuxException">It failed at once: nobody listens, or the kernel has no IPv6.</exception>
    public static FileDescriptor BeginConnect(ushort port, bool isIPv6)
    {
        const int AfInet = 2;
        const int AfInet6 = 10;

        // struct sockaddr_in, struct sockaddr_in6: family, port, [flow,] address[, scope].
        const int InetAddressSize = 16;
        const int Inet6AddressSize = 28;
        var socket = Sockets.CreateTcp(isIPv6, nonBlocking: true);
        try
        {
            Span<byte> address = stackalloc byte[isIPv6 ? Inet6AddressSize : InetAddressSize];
            address.Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(address, isIPv6 ? (ushort)AfInet6 : (ushort)AfInet);
            BinaryPrimitives.WriteUInt16BigEndian(address[2..], port);
            if (isIPv6)
            {
                address[23] = 1;
            }
            else
            {
                BinaryPrimitives.WriteUInt32BigEndian(address[4..], 0x7F00_0001);
            }

            int result;
            // SAFETY: the kernel reads as many bytes as it is told, which is what the span has.
            unsafe
            {
                fixed (byte* start = address)
                {
                    result = Libc.connect(socket, (sockaddr_un*)start, (uint)address.Length);
                }
            }

            if (result == -1 && Check.LastError != Errno.EINPROGRESS)
            {
                Check.Throw("connect", $"port {port}");
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>How connect(2) ended (SO_ERROR): none when it is connected.</summary>
    public static Errno Result(FileDescriptor socket)
    {
        const int SolSocket = 1;
        const int SoError = 4;
        // SAFETY: the kernel fills one int, whose size it is told.
        unsafe
        {
            int error;
            uint length = sizeof(int);
            Check.Result(Libc.getsockopt(socket, SolSocket, SoError, &error, &length), "getsockopt", "SO_ERROR");
            return (Errno)error;
        }
    }
}
