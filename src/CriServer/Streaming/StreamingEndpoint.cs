using System.Net;
using System.Net.Sockets;
using Crisp.CriServer.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Crisp.CriServer.Streaming;

/// <summary>The address on which clients with a URL are served. Connections to it reach nothing else, least of all CRI.</summary>
internal static class StreamingEndpoint
{
    /// <exception cref="StartException">The address is no address of this node, or in use.</exception>
    public static Socket Bind(string address)
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
            throw new StartException($"Cannot listen on {address}, the address of the streaming server: {error.Message}.", error);
        }
    }

    public static void Listen(KestrelServerOptions kestrel, IPEndPoint address) => kestrel.Listen(address, listen =>
    {
        listen.Protocols = HttpProtocols.Http1;
        listen.Use(next => connection =>
        {
            connection.Features.Set(new Connection());
            return next(connection);
        });
    });

    /// <summary>Before everything else: a request that came in here goes no further.</summary>
    public static void Map(WebApplication app, IPEndPoint address)
    {
        var server = app.Services.GetRequiredService<StreamingServer>();
        server.Address = address;
        app.MapWhen(
            context => context.Features.Get<Connection>() is not null,
            branch =>
            {
                branch.UseWebSockets();
                branch.Run(server.ServeAsync);
            });
    }

    /// <summary>Marks connections that came in on this endpoint.</summary>
    private sealed class Connection;
}
