using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>The other side of a unix socket when it connected (unix(7), SO_PEERCRED), in the caller's namespaces.</summary>
public readonly record struct PeerCredentials(int Pid, uint Uid, uint Gid);

/// <summary>Stream sockets of the unix domain (unix(7)).</summary>
public static partial class Sockets
{
    private const int AfUnix = 1;
    private const int SockStream = 1;
    private const int SockNonblock = 0x800;
    private const int SockCloexec = 0x8_0000;
    private const int SolSocket = 1;

    /// <summary>socketpair(2).</summary>
    public static (FileDescriptor First, FileDescriptor Second) CreatePair(bool nonBlocking = false)
    {
        Span<int> numbers = stackalloc int[2];
        // SAFETY: socketpair fills two ints, which live on this stack.
        unsafe
        {
            fixed (int* ends = numbers)
            {
                Check.Result(Libc.socketpair(AfUnix, Type(nonBlocking), 0, ends), "socketpair");
            }
        }

        return (new FileDescriptor(numbers[0]), new FileDescriptor(numbers[1]));
    }

    /// <summary>socket(2), bind(2), listen(2): a socket file of mode 0600, whoever's umask is in force.</summary>
    /// <param name="path">At most 107 bytes; it must not exist.</param>
    public static FileDescriptor Listen(string path, int backlog = 128, bool nonBlocking = false)
    {
        var socket = Create(nonBlocking);
        try
        {
            var address = Address("bind", path, out var length);

            // The mode of a socket file is that of the socket's inode minus the umask: no moment with a wider mode.
            Check.Result(Libc.fchmod(socket, 0x180), "fchmod", path);
            // SAFETY: address lives on this stack, and length is within it.
            unsafe
            {
                Check.Result(Libc.bind(socket, &address, length), "bind", path);
            }

            Check.Result(Libc.listen(socket, backlog), "listen", path);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>connect(2).</summary>
    public static FileDescriptor Connect(string path, bool nonBlocking = false)
    {
        var socket = Create(nonBlocking);
        try
        {
            var address = Address("connect", path, out var length);
            // SAFETY: address lives on this stack, and length is within it.
            unsafe
            {
                Check.Result(Libc.connect(socket, &address, length), "connect", path);
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>accept4(2).</summary>
    /// <returns>Null when nobody is waiting (EAGAIN) or the client has gone again (ECONNABORTED).</returns>
    public static FileDescriptor? Accept(FileDescriptor listener, bool nonBlocking = false) => Accept(listener, [], nonBlocking);

    /// <param name="address">Gets the other side's address, cut off where it is longer; empty for none.</param>
    internal static FileDescriptor? Accept(FileDescriptor listener, Span<byte> address, bool nonBlocking)
    {
        while (true)
        {
            int number;
            var length = (uint)address.Length;
            // SAFETY: the kernel writes no more bytes than it is told, which is what the span has; none when it is empty, and then null.
            unsafe
            {
                fixed (byte* start = address)
                {
                    number = Libc.accept4(listener, start, start is null ? null : &length, SockCloexec | (nonBlocking ? SockNonblock : 0));
                }
            }

            switch (number == -1 ? Check.LastError : Errno.None)
            {
                case Errno.None:
                    return new FileDescriptor(number);
                case Errno.EINTR:
                    continue;
                case Errno.EAGAIN or Errno.ECONNABORTED:
                    return null;
                default:
                    Check.Throw("accept4", listener);
                    break;
            }
        }
    }

    /// <summary>shutdown(2) of the writing side: the peer reads an end of file.</summary>
    public static void ShutdownWrite(FileDescriptor socket)
    {
        const int ShutWr = 1;
        Check.Result(Libc.shutdown(socket, ShutWr), "shutdown", socket);
    }

    /// <summary>As <see cref="ShutdownWrite"/>.</summary>
    /// <returns>False when the peer has gone already (ENOTCONN).</returns>
    public static bool TryShutdownWrite(FileDescriptor socket)
    {
        try
        {
            ShutdownWrite(socket);
            return true;
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOTCONN)
        {
            return false;
        }
    }

    /// <summary>SO_PEERCRED.</summary>
    public static PeerCredentials GetPeerCredentials(FileDescriptor socket)
    {
        const int SoPeercred = 17;
        // SAFETY: the kernel fills one ucred, whose size it is told.
        unsafe
        {
            ucred credentials;
            var length = (uint)sizeof(ucred);
            Check.Result(Libc.getsockopt(socket, SolSocket, SoPeercred, &credentials, &length), "getsockopt", "SO_PEERCRED");
            return new PeerCredentials(credentials.pid, credentials.uid, credentials.gid);
        }
    }

    /// <summary>
    /// socket(2) of netlink(7), in the network namespace of the calling thread, where it stays. Refusals come with the kernel's
    /// words and without the whole request.
    /// </summary>
    /// <param name="protocol">NETLINK_ROUTE and so on.</param>
    internal static FileDescriptor CreateNetlink(int protocol)
    {
        const int AfNetlink = 16;
        const int SockRaw = 3;
        const int SolNetlink = 270;
        const int NetlinkCapAck = 10;
        const int NetlinkExtAck = 11;
        var socket = new FileDescriptor(Check.Result(Libc.socket(AfNetlink, SockRaw | SockCloexec, protocol), "socket", "netlink"));
        try
        {
            // SAFETY: the kernel reads one int, which lives on this stack.
            unsafe
            {
                var on = 1;
                Check.Result(Libc.setsockopt(socket, SolNetlink, NetlinkCapAck, &on, sizeof(int)), "setsockopt", "NETLINK_CAP_ACK");
                Check.Result(Libc.setsockopt(socket, SolNetlink, NetlinkExtAck, &on, sizeof(int)), "setsockopt", "NETLINK_EXT_ACK");
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>socket(2) of tcp(7), in the network namespace of the calling thread, where it stays.</summary>
    internal static FileDescriptor CreateTcp(bool isIPv6, bool nonBlocking = false)
    {
        const int AfInet = 2;
        const int AfInet6 = 10;
        return new FileDescriptor(Check.Result(Libc.socket(isIPv6 ? AfInet6 : AfInet, Type(nonBlocking), 0), "socket", "tcp"));
    }

    private static int Type(bool nonBlocking) => SockStream | SockCloexec | (nonBlocking ? SockNonblock : 0);

    private static FileDescriptor Create(bool nonBlocking)
        => new(Check.Result(Libc.socket(AfUnix, Type(nonBlocking), 0), "socket"));

    private static sockaddr_un Address(string call, string path, out uint length)
    {
        const int PathOffset = 2;
        const int PathSize = 108;
        var bytes = LinuxPath.Encode(path);
        if (bytes.Length is 0 or >= PathSize)
        {
            throw new LinuxException(call, Errno.ENAMETOOLONG, path);
        }

        var address = default(sockaddr_un);
        address.sun_family = AfUnix;
        // SAFETY: sun_path has 108 bytes, and the path with its NUL fits.
        unsafe
        {
            bytes.CopyTo(new Span<byte>(address.sun_path, PathSize));
        }

        length = (uint)(PathOffset + bytes.Length + 1);
        return address;
    }
}
