using System.Net;
using System.Net.Sockets;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Linux;

namespace Crisp.CriServer.Streaming.PortForwarding;

/// <summary>Connects to a port on a pod's own loopback, which is what kubectl port-forward means by "in the pod".</summary>
internal static class PodDialer
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    /// <summary>127.0.0.1 first, then ::1.</summary>
    /// <exception cref="IOException">Nobody listens there; the message is for the client.</exception>
    /// <exception cref="CriException">The pod is not ready.</exception>
    public static async Task<Socket> ConnectAsync(Node node, string sandboxId, int port, CancellationToken cancellation)
    {
        using var ns = OpenNamespace(node, sandboxId);
        try
        {
            return await ConnectAsync(ns, IPAddress.Loopback, port, cancellation);
        }
        catch (Exception first) when (first is SocketException or LinuxException)
        {
            try
            {
                return await ConnectAsync(ns, IPAddress.IPv6Loopback, port, cancellation);
            }
            catch (Exception second) when (second is SocketException or LinuxException)
            {
                throw new IOException($"Nobody answers at port {port} in the pod {sandboxId}: {first.Message}.", first);
            }
        }
    }

    /// <returns>Null on the node's network.</returns>
    private static FileDescriptor? OpenNamespace(Node node, string sandboxId)
        => node.Index.FindSandbox(sandboxId) is { Record.Stage: SandboxStage.Ready, Link: { } link }
            ? link.OpenNetworkNamespace()
            : throw CriException.Precondition($"The pod {sandboxId} is not ready.");

    private static async Task<Socket> ConnectAsync(FileDescriptor? ns, IPAddress address, int port, CancellationToken cancellation)
    {
        var socket = Create(ns, address.AddressFamily);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(_patience);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), deadline.Token);
            return socket;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            socket.Dispose();
            throw new IOException($"Port {port} of the pod did not answer within {_patience.TotalSeconds:0} s.");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Socket Create(FileDescriptor? ns, AddressFamily family)
    {
        if (ns is null)
        {
            return new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        }

        using var socket = NamespaceSocket.CreateTcp(ns, family == AddressFamily.InterNetworkV6);
        return new Socket(new SafeSocketHandle(socket.Detach(), ownsHandle: true));
    }
}
