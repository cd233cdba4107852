using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Crisp.CriServer.Streaming.Spdy;

namespace Crisp.CriServer.CommandLine.Streaming;

/// <summary>Takes connections on the node's loopback and carries them to ports of a pod.</summary>
internal sealed class PortForwarder(SpdyConnection connection, TextWriter errors)
{
    private const string Protocol = "portforward.k8s.io";
    private const int MaxStreams = 512;
    private int _requests;

    /// <summary>Until it is cancelled, or the daemon closes the session.</summary>
    public static async Task RunAsync(
        string url, IReadOnlyList<(int Local, int Remote)> ports, TextWriter output, TextWriter errors, CancellationToken cancellation)
    {
        await using var client = await StreamClient.ConnectAsync(url, Protocol, MaxStreams, cancellation);
        var forwarder = new PortForwarder(client.Connection, errors);
        var listeners = new List<Socket>();
        try
        {
            foreach (var (local, remote) in ports)
            {
                var listener = Listen(local);
                listeners.Add(listener);
                await output.WriteLineAsync($"{listener.LocalEndPoint} -> {remote}");
                _ = forwarder.AcceptAsync(listener, remote, cancellation);
            }

            await client.Reading.WaitAsync(cancellation);
            throw new CommandException("The daemon has closed the session: the pod has stopped, or nothing moved for too long.");
        }
        finally
        {
            listeners.ForEach(l => l.Dispose());
        }
    }

    private static Socket Listen(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen();
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new CommandException($"Cannot listen on 127.0.0.1:{port}: {e.Message}.");
        }
    }

    private async Task AcceptAsync(Socket listener, int remote, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                _ = CarryAsync(await listener.AcceptAsync(cancellation), remote, cancellation);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The command is ending.
        }
    }

    private async Task CarryAsync(Socket socket, int remote, CancellationToken cancellation)
    {
        await using var local = new NetworkStream(socket, ownsSocket: true);
        var request = Interlocked.Increment(ref _requests).ToString(CultureInfo.InvariantCulture);
        try
        {
            var error = await OpenAsync("error", remote, request, cancellation);
            await error.CompleteAsync(cancellation);
            var data = await OpenAsync("data", remote, request, cancellation);
            var upload = UploadAsync(local, data, cancellation);
            await data.CopyToAsync(local, cancellation);
            socket.Shutdown(SocketShutdown.Send);
            var reason = await new StreamReader(error, Encoding.UTF8).ReadToEndAsync(cancellation);
            if (reason.Length > 0)
            {
                await errors.WriteLineAsync($"crisp: {reason}");
            }

            await data.AbortAsync(SpdyReset.Cancel);
            socket.Close();
            await upload;
        }
        catch (OperationCanceledException)
        {
            // The command is ending.
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await errors.WriteLineAsync($"crisp: A connection to port {remote} broke: {e.Message}");
        }
    }

    private static async Task UploadAsync(NetworkStream local, SpdyStream data, CancellationToken cancellation)
    {
        try
        {
            await local.CopyToAsync(data, cancellation);
            await data.CompleteAsync(cancellation);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The other direction tells.
        }
    }

    private Task<SpdyStream> OpenAsync(string type, int port, string request, CancellationToken cancellation)
        => connection.OpenAsync(
            new Dictionary<string, string> { ["streamtype"] = type, ["port"] = port.ToString(CultureInfo.InvariantCulture), ["requestid"] = request },
            cancellation);
}
