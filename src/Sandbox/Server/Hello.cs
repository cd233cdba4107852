using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private static readonly string _build = typeof(SandboxService).Assembly.GetName().Version?.ToString(3) ?? "";
    private static readonly ProcessIdentity _self = ProcessIdentity.Read(Environment.ProcessId)!;

    private void Hello(Call call, HelloRequest request)
    {
        var response = new HelloResponse
        {
            Version = ProtocolVersion.Agree(request.Version),
            Build = _build,
            SandboxId = _pod.Id,
            Pid = _self.Pid,
            StartTime = _self.StartTime,
            BootId = _self.BootId,
        };
        response.Features.AddRange(ProtocolVersion.Features);
        call.Connection.HasGreeted = true;
        call.Answer(response);
    }
}
