using Crisp.Sandbox.Protocol;
using Google.Protobuf;

namespace Crisp.Sandbox.Client;

public sealed partial class SandboxClient
{
    /// <summary>Connects to a TCP port of a virtual machine's loopback: stdin is what goes there, stdout what comes from it.</summary>
    /// <exception cref="SandboxException">UNAVAILABLE: nobody listens there. FAILED_PRECONDITION: the pod is of another kind, or its process too old.</exception>
    public async Task<ProcessStreams> DialAsync(ushort port, CancellationToken cancellationToken = default)
    {
        Require(ProtocolVersion.DialFeature, "reach the loopback of a virtual machine");

        var token = NewToken();
        var opened = await OpenStreamsAsync("Dial", new ExecStreams(true, true, false), token, cancellationToken).ConfigureAwait(false);
        try
        {
            var request = new DialRequest { Port = port, StreamToken = ByteString.CopyFrom(token) };
            await _connection.CallAsync("Dial", request, DialResponse.Parser, _options.CallTimeout, cancellationToken).ConfigureAwait(false);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }
}
