using Crisp.CriServer.Streaming.Spdy;
using Crisp.CriServer.Streaming.WebSockets;

namespace Crisp.CriServer.Streaming;

internal sealed partial class StreamingServer
{
    /// <summary>One request: a URL of ours turns into a session that lasts as long as its client and its command.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        try
        {
            var request = Find(context);
            using var session = _sessions.TryEnter(request.Target) ?? throw new StreamRefusal(
                StatusCodes.Status429TooManyRequests, $"There are {StreamSessions.MaxOfOne} sessions of {request.Target}, or {StreamSessions.Max} in all, already.");
            await ServeAsync(context, request);
        }
        catch (StreamRefusal refusal) when (!context.Response.HasStarted)
        {
            context.Response.StatusCode = refusal.Status;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(refusal.Message + "\n", context.RequestAborted);
        }
    }

    private StreamRequest Find(HttpContext context)
    {
        // A URL that was seen is used up, whatever came with it.
        var parts = (context.Request.Path.Value ?? "").Split('/');
        var request = parts is ["", _, var token] ? _tokens.Take(token) : null;
        if (request is null || request.Kind != parts[1])
        {
            throw new StreamRefusal(StatusCodes.Status404NotFound, "This URL was used, is too old, or was never given out. Ask for a new one.");
        }

        return HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsPost(context.Request.Method)
            ? request
            : throw new StreamRefusal(StatusCodes.Status405MethodNotAllowed, "Streams begin with GET or POST.");
    }

    private async Task ServeAsync(HttpContext context, StreamRequest request)
    {
        var isSpdy = SpdyUpgrade.IsRequested(context);
        if (!isSpdy && !context.WebSockets.IsWebSocketRequest)
        {
            throw new StreamRefusal(
                StatusCodes.Status400BadRequest, $"Streams need an upgrade of the connection: to {SpdyUpgrade.Protocol}, or to a WebSocket.");
        }

        StreamingLog.Begins(logger, request.Kind, request.Target, isSpdy ? SpdyUpgrade.Protocol : WebSocketUpgrade.Name);
        var how = "done";
        try
        {
            await (isSpdy ? ServeSpdyAsync(context, request) : ServeWebSocketAsync(context, request));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or TimeoutException)
        {
            how = e.Message;
        }
#pragma warning disable CA1031 // The boundary: one session's fault is not the server's.
        catch (Exception e) when (e is not StreamRefusal)
#pragma warning restore CA1031
        {
            StreamingLog.Broke(logger, request.Kind, request.Target, e);
        }

        StreamingLog.Ends(logger, request.Kind, request.Target, how);
    }
}
