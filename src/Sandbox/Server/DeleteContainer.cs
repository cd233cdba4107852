using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void DeleteContainer(Call call, DeleteContainerRequest request)
    {
        if (_pod.Containers.TryGetValue(request.ContainerId, out var container))
        {
            ContainerDeletion.Begin(_pod, container, () => call.Answer(new DeleteContainerResponse { Exit = container.Exit }), call.Fail);
            return;
        }

        call.Answer(new DeleteContainerResponse());
    }
}
