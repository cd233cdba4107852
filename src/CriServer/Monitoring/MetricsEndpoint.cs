using System.Net;
using System.Net.Sockets;
using Crisp.CriServer.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Crisp.CriServer.Monitoring;

/// <summary>
/// GET /metrics on an address of its own. Off unless it is configured, as with other runtimes: whoever reaches the port, a pod
/// on the node's network for one, can read it. Connections to it reach nothing else, least of all CRI.
/// </summary>
internal static class MetricsEndpoint
{
    // The text format of Prometheus, version 0.0.4.
    private const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <exception cref="StartException">The address is no address of this node, or in use.</exception>
    public static Socket Bind(string address) => TcpEndpoint<Connection>.Bind(address, "the metrics");

    public static void Listen(KestrelServerOptions kestrel, IPEndPoint address) => TcpEndpoint<Connection>.Listen(kestrel, address);

    public static void Map(WebApplication app)
    {
        // Made here, so that they are there when the first reading asks all who have something to tell.
        app.Services.GetRequiredService<StateMetrics>();
        app.Services.GetRequiredService<ProcessMetrics>();
        app.Services.GetRequiredService<VmMetrics>();
        app.Services.GetRequiredService<ImageMetrics>();
        var metrics = app.Services.GetRequiredService<DaemonMetrics>();
        TcpEndpoint<Connection>.Map(app, branch => branch.Run(context => AnswerAsync(context, metrics)));
    }

    private static Task AnswerAsync(HttpContext context, DaemonMetrics metrics)
    {
        if (context.Request.Path != "/metrics")
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        if (!HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return Task.CompletedTask;
        }

        context.Response.ContentType = ContentType;
        return metrics.WriteAsync(context.Response.Body, context.RequestAborted);
    }

    /// <summary>Marks connections that came in on this endpoint.</summary>
    private sealed class Connection;
}
