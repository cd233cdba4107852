using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Resume(Call call, ResumeRequest request)
        => Find(request.ContainerId).Resume(call.Deadline, () => call.Answer(new ResumeResponse()), call.Fail);
}
