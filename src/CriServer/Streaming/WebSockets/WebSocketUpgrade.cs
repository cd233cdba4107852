using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace Crisp.CriServer.Streaming.WebSockets;

/// <summary>From an HTTP/1.1 request to a WebSocket (RFC 6455), which is the platform's own.</summary>
internal static class WebSocketUpgrade
{
    public const string Name = "WebSocket";

    // A client that went without a word is noticed when this cannot be delivered.
    private static readonly TimeSpan _pingInterval = TimeSpan.FromSeconds(15);

    /// <exception cref="StreamRefusal">None of the client's subprotocols is known.</exception>
    public static T Negotiate<T>(HttpContext context, IReadOnlyList<T> known, Func<T, string> name)
        where T : class
        => ProtocolChoice.First(context.WebSockets.WebSocketRequestedProtocols, known, name) ?? throw new StreamRefusal(
            StatusCodes.Status403Forbidden,
            $"None of the client's WebSocket subprotocols ({string.Join(", ", context.WebSockets.WebSocketRequestedProtocols)}) is known here; one of {string.Join(", ", known.Select(name))} is needed.");

    /// <summary>
    /// Answers 101. Not by the platform's own call: "SPDY/3.1+portforward.k8s.io" has a slash, and is no token of RFC 6455.
    /// </summary>
    public static async Task<WebSocket> AcceptAsync(HttpContext context, string protocol)
    {
        var headers = context.Response.Headers;
        headers.Upgrade = "websocket";
        headers.SecWebSocketAccept = Answer($"{context.Request.Headers.SecWebSocketKey}");
        headers.SecWebSocketProtocol = protocol;
        var stream = await context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
        return WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = _pingInterval });
    }

    // RFC 6455, section 4.2.2: it proves that the server has read the request, and protects nothing.
    private static string Answer(string key)
    {
        const string Guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
#pragma warning disable CA5350 // The RFC's choice.
        return Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + Guid)));
#pragma warning restore CA5350
    }
}
