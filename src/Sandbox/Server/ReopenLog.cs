using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void ReopenLog(Call call, ReopenLogRequest request)
    {
        var container = Find(request.ContainerId);
        if (container.Log is not { } log || container.Exit is not null)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"The container {container.Id} is not running or has no log, so that there is none to reopen.");
        }

        log.Reopen(error => _pod.Loop.Post(() =>
        {
            if (error is null)
            {
                call.Answer(new ReopenLogResponse());
            }
            else
            {
                call.Fail(error);
            }
        }));
    }
}
