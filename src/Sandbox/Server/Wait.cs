using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Wait(Call call, WaitRequest request)
    {
        var container = Find(request.ContainerId);
        if (request.ExecId.Length > 0)
        {
            container.Execs.Wait(call, request.ExecId);
        }
        else if (container.Exit is { } exit)
        {
            call.Answer(new WaitResponse { Exit = exit });
        }
        else
        {
            container.Waiting.Add(call);
        }
    }
}
