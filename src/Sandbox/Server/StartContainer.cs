using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void StartContainer(Call call, StartContainerRequest request)
        => ContainerStart.Begin(
            _pod,
            Find(request.ContainerId),
            c => call.Answer(new StartContainerResponse { Pid = c.Pid, StartedAt = c.StartedAt }),
            call.Fail);
}
