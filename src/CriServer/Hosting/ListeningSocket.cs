using System.Net.Sockets;
using System.Text;
using Crisp.Linux;
using Microsoft.Win32.SafeHandles;

namespace Crisp.CriServer.Hosting;

/// <summary>The daemon's socket: mode 0600 from its first moment, in the place of a dead one, never of a living one.</summary>
internal static class ListeningSocket
{
    // unix(7): sun_path has 108 bytes, the last of them NUL.
    private const int LongestPath = 107;

    /// <exception cref="StartException">The path is too long, in use, or not a socket.</exception>
    public static Socket Bind(string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > LongestPath)
        {
            throw new StartException($"The socket path {path} has more than {LongestPath} bytes, the most that the kernel takes.");
        }

        RemoveStale(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Linux gives the file of a bound socket the mode of the socket's own inode, so that it is never open to others.
            using (var handle = new SafeFileHandle(socket.Handle, ownsHandle: false))
            {
                File.SetUnixFileMode(handle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            socket.Bind(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new StartException($"Cannot make the socket {path}: {error.Message}.", error);
        }
    }

    private static void RemoveStale(string path)
    {
        var status = Files.TryStatusAt(FileDescriptor.CurrentDirectory, path, out _);
        if (status is null)
        {
            return;
        }

        if (status.Type != FileType.Socket)
        {
            throw new StartException($"{path} exists and is no socket. Remove it, or choose another path with --socket.");
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
        {
            // Nobody listens: its daemon was killed.
            File.Delete(path);
            return;
        }

        throw new StartException($"Another process listens on {path}. Stop it, or choose another path with --socket.");
    }
}
