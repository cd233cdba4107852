using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    // Shorter than the client's deadline. Freezing waits for what is within the kernel to come out.
    private static readonly TimeSpan _freezePatience = TimeSpan.FromSeconds(3);

    private void Pause(Call call, PauseRequest request)
    {
        var container = Find(request.ContainerId);
        container.Operations.Run(end =>
        {
            container.Require(ContainerStatus.Running);
            _pod.Cgroups.Run(
                () => container.Cgroup.Freeze(_freezePatience),
                end.With(() =>
                {
                    container.Move(ContainerStatus.Running, ContainerStatus.Paused);
                    call.Answer(new PauseResponse());
                }),
                end.With<Exception>(call.Fail));
        }, call.Fail);
    }
}
