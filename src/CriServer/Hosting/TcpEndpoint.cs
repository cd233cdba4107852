using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Crisp.CriServer.Hosting;

/// <summary>An address of the daemon's that serves one thing over HTTP/1.1. Connections to it reach nothing else, least of all CRI.</summary>
/// <typeparam name="TMarker">Marks connections that came in here.</typeparam>
internal static class TcpEndpoint<TMarker>
    where TMarker : class, new()
{
    /// <param name="purpose">For the message: "the metrics".</param>
    /// <exception cref="StartException">The address is no address of this node, or in use.</exception>
    public static Socket Bind(string address, string purpose)
    {
        var endPoint = IPEndPoint.Parse(address);
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endPoint);
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new StartException($"Cannot listen on {address}, the address of {purpose}: {error.Message}.", error);
        }
    }

    public static void Listen(KestrelServerOptions kestrel, IPEndPoint address) => kestrel.Listen(address, listen =>
    {
        listen.Protocols = HttpProtocols.Http1;
        listen.Use(next => connection =>
        {
            connection.Features.Set(new TMarker());
            return next(connection);
        });
    });

    /// <summary>Before everything else: a request that came in here goes no further.</summary>
    public static void Map(WebApplication app, Action<IApplicationBuilder> branch)
        => app.MapWhen(context => context.Features.Get<TMarker>() is not null, branch);
}
