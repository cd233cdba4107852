using System.Net;
using System.Net.Sockets;
using Crisp.CriServer.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Crisp.CriServer.Streaming;

/// <summary>The address on which clients with a URL are served. Connections to it reach nothing else, least of all CRI.</summary>
internal static class StreamingEndpoint
{
    /// <exception cref="StartException">The address is no address of this node, or in use.</exception>
    public static Socket Bind(string address) => TcpEndpoint<Connection>.Bind(address, "the streaming server");

    public static void Listen(KestrelServerOptions kestrel, IPEndPoint address) => TcpEndpoint<Connection>.Listen(kestrel, address);

    public static void Map(WebApplication app, IPEndPoint address)
    {
        var server = app.Services.GetRequiredService<StreamingServer>();
        server.Address = address;
        TcpEndpoint<Connection>.Map(app, branch =>
        {
            branch.UseWebSockets();
            branch.Run(server.ServeAsync);
        });
    }

    /// <summary>Marks connections that came in on this endpoint.</summary>
    private sealed class Connection;
}
