using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Pause(Call call, PauseRequest request)
        => Find(request.ContainerId).Pause(call.Deadline, () => call.Answer(new PauseResponse()), call.Fail);
}
