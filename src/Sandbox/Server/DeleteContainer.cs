using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void DeleteContainer(Call call, DeleteContainerRequest request)
    {
        if (_pod.Find(request.ContainerId) is { } container)
        {
            container.Delete(call.Deadline, () => call.Answer(new DeleteContainerResponse { Exit = container.Exit }), call.Fail);
            return;
        }

        call.Answer(new DeleteContainerResponse());
    }
}
