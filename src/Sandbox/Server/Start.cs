using System.Text.Json;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Start(Call call, StartSandboxRequest request)
    {
        var spec = JsonSerializer.Deserialize(request.SpecJson.Span, SpecJson.Default.SandboxSpec)
            ?? throw new SandboxException(RpcCode.InvalidArgument, "Start: the specification is null.");
        if (spec.Version > SandboxSpec.CurrentVersion)
        {
            throw new SandboxException(
                RpcCode.FailedPrecondition,
                $"The sandbox specification has the version {spec.Version}; this pod's process knows up to {SandboxSpec.CurrentVersion}.");
        }

        if (spec.Id != _pod.Id)
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"This is the process of the pod {_pod.Id}, not of {spec.Id}.");
        }

        _pod.Start(
            spec,
            request.NetworkJson,
            () => call.Answer(new StartSandboxResponse { Namespaces = _pod.NamespaceInfo }),
            call.Fail);
    }
}
