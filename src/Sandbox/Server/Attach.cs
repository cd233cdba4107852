using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Attach(Call call, AttachRequest request)
    {
        // First of all, so that a refusal closes them too.
        var streams = _streams.Take(request.StreamToken, request.Stdin, request.Stdout, request.Stderr);
        try
        {
            var container = Find(request.ContainerId);
            container.RequireStarted();
            container.RequireNotEnded();
            container.Attach(streams, call.Deadline, () => call.Answer(new AttachResponse()), call.Fail);
        }
        catch
        {
            streams.Close();
            throw;
        }
    }
}
