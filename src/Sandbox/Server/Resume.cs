using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Resume(Call call, ResumeRequest request)
    {
        var container = Find(request.ContainerId);
        container.Operations.Run(end =>
        {
            container.Require(ContainerStatus.Paused);
            _pod.Cgroups.Run(
                container.Cgroup.Thaw,
                end.With(() =>
                {
                    container.Move(ContainerStatus.Paused, ContainerStatus.Running);
                    call.Answer(new ResumeResponse());
                }),
                end.With<Exception>(call.Fail));
        }, call.Fail);
    }
}
