using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Events(Call call, EventsRequest request) => _pod.Events.Follow(call, request.AfterSequence);
}
