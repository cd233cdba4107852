using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void StartContainer(Call call, StartContainerRequest request)
    {
        // First of all, so that a refusal closes them too.
        var output = request.StreamToken.IsEmpty ? null : _streams.Take(request.StreamToken, stdin: false, request.Stdout, request.Stderr);
        try
        {
            var container = Find(request.ContainerId);
            container.Start(
                output,
                call.Deadline,
                () => call.Answer(new StartContainerResponse { Pid = container.Pid, StartedAt = container.StartedAt }),
                call.Fail);
        }
        catch
        {
            output?.Close();
            throw;
        }
    }
}
