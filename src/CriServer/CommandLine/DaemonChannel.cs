using System.Net.Sockets;
using Grpc.Net.Client;

namespace Crisp.CriServer.CommandLine;

/// <summary>A gRPC channel to a daemon's Unix socket.</summary>
internal static class DaemonChannel
{
    public static GrpcChannel Open(string socketPath)
    {
        var handler = new SocketsHttpHandler { ConnectCallback = (_, cancellation) => ConnectAsync(socketPath, cancellation), UseProxy = false };
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            // ExecSync answers with up to 16 MiB of each stream.
            MaxReceiveMessageSize = null,
        });
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new DaemonUnreachableException(DaemonFailure.Sentence(path, error), error);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
