using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private static void Boot(Call call)
        => call.Fail(RpcCode.FailedPrecondition, "The pod is no virtual machine, so that there is nothing to boot.");
}
