namespace Crisp.NodeAgent.Monitoring;

/// <summary>GET /metrics, /healthz (the process lives) and /readyz (the image's crisp is installed and answers).</summary>
internal static class AgentEndpoint
{
    // The text format of Prometheus, version 0.0.4.
    private const string MetricsType = "text/plain; version=0.0.4; charset=utf-8";

    public static void Map(WebApplication app, AgentMetrics metrics, Func<bool> isReady) => app.Run(async context =>
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        switch (context.Request.Path.Value)
        {
            case "/metrics":
                context.Response.ContentType = MetricsType;
                await metrics.WriteAsync(context.Response.Body, context.RequestAborted);
                break;
            case "/healthz":
                await context.Response.WriteAsync("ok\n");
                break;
            case "/readyz":
                context.Response.StatusCode = isReady() ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
                await context.Response.WriteAsync(isReady() ? "ok\n" : "crisp is not installed yet, or does not answer; the node's events say why\n");
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    });
}
