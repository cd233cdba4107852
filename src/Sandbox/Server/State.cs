using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void State(Call call)
    {
        var response = new StateResponse
        {
            Namespaces = _pod.NamespaceInfo,
            EventSequence = _pod.Events.LastSequence,
            Started = _pod.IsStarted,
        };
        foreach (var container in _pod.All)
        {
            response.Containers.Add(container.ToState());
        }

        call.Answer(response);
    }
}
