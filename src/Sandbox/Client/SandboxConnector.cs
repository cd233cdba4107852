using System.Net.Sockets;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Client;

/// <summary>Connections to a pod's process, with their preface said and taken.</summary>
internal static class SandboxConnector
{
    /// <exception cref="SandboxException">UNAVAILABLE when nobody listens, PERMISSION_DENIED when it is not the expected process.</exception>
    internal static async Task<Socket> ConnectAsync(
        string path, ConnectionKind kind, ReadOnlyMemory<byte> token, int? expectedPid, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
            Verify(socket, path, expectedPid);
            await SendAsync(socket, Preface.Encode(kind, token.Span), cancellationToken).ConfigureAwait(false);
            await ExpectTakenAsync(socket, path, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new SandboxException(RpcCode.Unavailable, $"The pod's process cannot be reached at {path}: {e.Message}.", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends the descriptors over a connection of their own and waits until the pod's process holds them all.</summary>
    internal static async Task SendDescriptorsAsync(
        string path, ReadOnlyMemory<byte> token, IReadOnlyList<FileDescriptor> descriptors, int? expectedPid, CancellationToken cancellationToken)
    {
        const int MaxInMessage = 200;
        using var socket = await ConnectAsync(path, ConnectionKind.Descriptors, token, expectedPid, cancellationToken).ConfigureAwait(false);
        try
        {
            using var descriptor = new FileDescriptor((int)socket.Handle, ownsHandle: false);
            for (var sent = 0; sent < descriptors.Count; sent += MaxInMessage)
            {
                var batch = descriptors.Skip(sent).Take(MaxInMessage).ToArray();
                Linux.Sockets.SendDescriptors(descriptor, "d"u8, batch);
            }

            socket.Shutdown(SocketShutdown.Send);
            await ExpectTakenAsync(socket, path, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw new SandboxException(RpcCode.Unavailable, $"The pod's process at {path} did not take the descriptors: {e.Message}.", e);
        }
        catch (LinuxException e)
        {
            throw new SandboxException(RpcCode.Unavailable, $"The pod's process at {path} did not take the descriptors: {e.Message}.", e);
        }
    }

    // A path could have been given to another since; the peer that the kernel names could not.
    private static void Verify(Socket socket, string path, int? expectedPid)
    {
        if (expectedPid is not { } pid)
        {
            return;
        }

        using var descriptor = new FileDescriptor((int)socket.Handle, ownsHandle: false);
        var peer = Linux.Sockets.GetPeerCredentials(descriptor);
        if (peer.Pid != pid)
        {
            throw new SandboxException(
                RpcCode.PermissionDenied, $"The process {peer.Pid} listens at {path}, and not the pod's process {pid}.");
        }
    }

    private static async Task SendAsync(Socket socket, byte[] bytes, CancellationToken cancellationToken)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task ExpectTakenAsync(Socket socket, string path, CancellationToken cancellationToken)
    {
        var answer = new byte[1];
        var count = await socket.ReceiveAsync(answer, cancellationToken).ConfigureAwait(false);
        if (count == 0 || answer[0] != Preface.Taken)
        {
            throw new SandboxException(RpcCode.Unavailable, $"The pod's process at {path} refused the connection.");
        }
    }
}
