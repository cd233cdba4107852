using System.Net;
using System.Net.Sockets;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Streaming.PortForwarding;

/// <summary>
/// Connects to a port on a pod's own loopback, which is what kubectl port-forward means by "in the pod". That of a virtual machine is
/// its kernel's, so that its process 1 connects.
/// </summary>
internal static class PodDialer
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    /// <summary>IPv4 first, then IPv6.</summary>
    /// <exception cref="IOException">Nobody listens there; the message is for the client.</exception>
    /// <exception cref="CriException">The pod is not ready.</exception>
    public static async Task<PodConnection> ConnectAsync(Node node, string sandboxId, int port, CancellationToken cancellation)
    {
        var (link, record) = node.Index.FindSandbox(sandboxId) is { Record.Stage: SandboxStage.Ready, Link: { } found } sandbox
            ? (found, sandbox.Record)
            : throw CriException.Precondition($"The pod {sandboxId} is not ready.");
        return record.Spec.Vm is null
            ? new PodConnection(await ConnectAsync(link, sandboxId, port, cancellation))
            : new PodConnection(await DialAsync(link, sandboxId, port, cancellation));
    }

    private static async Task<ProcessStreams> DialAsync(SandboxLink link, string sandboxId, int port, CancellationToken cancellation)
    {
        try
        {
            return await link.Client.DialAsync((ushort)port, cancellation);
        }
        catch (SandboxException e)
        {
            throw new IOException($"Nobody answers at port {port} in the pod {sandboxId}: {e.Message}", e);
        }
    }

    private static async Task<Socket> ConnectAsync(SandboxLink link, string sandboxId, int port, CancellationToken cancellation)
    {
        // Null is the node's network.
        using var ns = link.OpenNetworkNamespace();
        Exception? first = null;
        foreach (var address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            try
            {
                return await ConnectAsync(ns, address, port, cancellation);
            }
            catch (Exception e) when (e is SocketException or LinuxException)
            {
                first ??= e;
            }
        }

        throw new IOException($"Nobody answers at port {port} in the pod {sandboxId}: {first?.Message}.", first);
    }

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
