using Crisp.Sandbox.Protocol;
using Google.Protobuf;

namespace Crisp.Sandbox.Client;

public sealed partial class SandboxClient
{
    /// <summary>Ties streams to a running container's main process. Output ends with the container, or when it is not read.</summary>
    /// <exception cref="SandboxException">FAILED_PRECONDITION: not running, or the pod's process is too old to know the call.</exception>
    public async Task<ProcessStreams> AttachAsync(string containerId, ExecStreams streams, CancellationToken cancellationToken = default)
    {
        Require(ProtocolVersion.AttachFeature, "attach");

        var token = NewToken();
        var opened = await OpenStreamsAsync("Attach", streams, token, cancellationToken).ConfigureAwait(false);
        try
        {
            var request = new AttachRequest
            {
                ContainerId = containerId,
                StreamToken = ByteString.CopyFrom(token),
                Stdin = streams.Stdin,
                Stdout = streams.Stdout,
                Stderr = streams.Stderr,
            };
            await _connection.CallAsync(
                "Attach", request, AttachResponse.Parser, _options.CallTimeout, cancellationToken).ConfigureAwait(false);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }
}
