using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void StartContainer(Call call, StartContainerRequest request)
    {
        var container = Find(request.ContainerId);
        container.Start(
            () => call.Answer(new StartContainerResponse { Pid = container.Pid, StartedAt = container.StartedAt }),
            call.Fail);
    }
}
