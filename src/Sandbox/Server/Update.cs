using System.Text.Json;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Update(Call call, UpdateRequest request)
    {
        if (request.ContainerId.Length == 0)
        {
            throw new SandboxException(RpcCode.InvalidArgument, "The pod's own cgroup is the kubelet's to limit, not the pod process's.");
        }

        var container = Find(request.ContainerId);
        var resources = JsonSerializer.Deserialize(request.ResourcesJson.Span, SpecJson.Default.ResourcesSpec)
            ?? throw new SandboxException(RpcCode.InvalidArgument, "Update: the resources are null.");
        container.Update(resources, call.Deadline, () => call.Answer(new UpdateResponse()), call.Fail);
    }
}
