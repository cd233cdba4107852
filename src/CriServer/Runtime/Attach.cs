using Crisp.Cri.V1;
using Crisp.CriServer.Streaming;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>A URL for the streams of a container's main process.</summary>
    public override Task<AttachResponse> Attach(AttachRequest request, ServerCallContext context)
    {
        CheckStreams("Attach", request.Tty, request.Stdin, request.Stdout, request.Stderr);
        var container = FindRunning(request.ContainerId);
        var url = _streaming.UrlFor(new AttachStreamRequest(container.Id, request.Tty, request.Stdin, request.Stdout, request.Stderr));
        return Task.FromResult(new AttachResponse { Url = url });
    }
}
