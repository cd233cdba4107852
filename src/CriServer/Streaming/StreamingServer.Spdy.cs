using Crisp.CriServer.Streaming.PortForwarding;
using Crisp.CriServer.Streaming.RemoteCommands;
using Crisp.CriServer.Streaming.Spdy;

namespace Crisp.CriServer.Streaming;

internal sealed partial class StreamingServer
{
    private Task ServeSpdyAsync(HttpContext context, StreamRequest request) => request switch
    {
        RemoteCommandRequest command => ServeSpdyAsync(context, command),
        PortForwardStreamRequest forward => ServeSpdyAsync(context, forward),
        _ => throw new InvalidOperationException($"There is no {request.Kind}."),
    };

    private async Task ServeSpdyAsync(HttpContext context, RemoteCommandRequest request)
    {
        var protocol = SpdyUpgrade.Negotiate(context, RemoteProtocol.Spdy, p => p.Name);
        await using var transport = await SpdyUpgrade.UpgradeAsync(context);
        await using var command = new SpdyRemoteCommand(transport, protocol, request, NewEnvironment, context.RequestAborted, _stopping);
        var channels = await command.OpenAsync();
        await RemoteCommandRun.RunAsync(node, request, channels, command.Session.Owner);
        await command.Session.CloseAsync();
    }

    private async Task ServeSpdyAsync(HttpContext context, PortForwardStreamRequest request)
    {
        SpdyUpgrade.Negotiate(context, [SpdyPortForward.Protocol], p => p);
        await using var transport = await SpdyUpgrade.UpgradeAsync(context);
        await ForwardAsync(transport, context, request);
    }

    private async Task ForwardAsync(Stream transport, HttpContext context, PortForwardStreamRequest request)
    {
        await using var forward = new SpdyPortForward(node, request.SandboxId, transport, NewEnvironment, context.RequestAborted, _stopping);
        await forward.RunAsync();
    }
}
