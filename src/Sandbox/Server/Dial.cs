using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Streams;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    // Each has two of the connections that all callers share (Listener.MaxConnections): enough stay for execs and calls.
    internal const int MaxDials = 128;
    private readonly List<ClientStreams> _dialled = [];

    private void Dial(Call call, DialRequest request)
    {
        // First of all, so that a refusal closes them too.
        var streams = _streams.Take(request.StreamToken, stdin: true, stdout: true, stderr: false);
        try
        {
            if (request.Port is 0 or > ushort.MaxValue)
            {
                throw new SandboxException(RpcCode.InvalidArgument, $"There is no port {request.Port}.");
            }

            _dialled.RemoveAll(static s => s.Stdin!.IsClosed && s.Stdout!.IsClosed);
            if (_dialled.Count >= MaxDials)
            {
                throw new SandboxException(RpcCode.ResourceExhausted, $"{MaxDials} connections to ports of the pod are open already. Close some.");
            }

            _dialled.Add(streams);
            _pod.Dial((ushort)request.Port, streams, call.Deadline, () => call.Answer(new DialResponse()), call.Fail);
        }
        catch
        {
            streams.Close();
            throw;
        }
    }
}
