using System.Net;
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
        var socket = Sockets.CreateTcp(isIPv6, nonBlocking: true);
        try
        {
            // struct sockaddr_in, struct sockaddr_in6.
            var address = new IPEndPoint(isIPv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, port).Serialize();
            int result;
            // SAFETY: the kernel reads as many bytes as it is told, which the buffer has.
            unsafe
            {
                fixed (byte* start = address.Buffer.Span)
                {
                    result = Libc.connect(socket, (sockaddr_un*)start, (uint)address.Size);
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
