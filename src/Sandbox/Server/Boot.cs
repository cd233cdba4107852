using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Boot(Call call) => _pod.Boot(call.Deadline, () => call.Answer(new BootResponse()), call.Fail);
}
