using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Stats(Call call, StatsRequest request)
    {
        _pod.RequireStarted();
        if (request.ContainerId.Length > 0)
        {
            Find(request.ContainerId).Stats(request, call.Deadline, call.Answer, call.Fail);
        }
        else
        {
            _pod.Stats(request, call.Deadline, call.Answer, call.Fail);
        }
    }
}
