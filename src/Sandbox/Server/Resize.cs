using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Resize(Call call, ResizeRequest request)
    {
        var container = Find(request.ContainerId);
        var terminal = request.ExecId.Length > 0 ? container.Execs.Find(request.ExecId)?.Terminal : container.Terminal;
        if (terminal is null)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, "The process has no terminal, or has ended.");
        }

        if (request.Width > ushort.MaxValue || request.Height > ushort.MaxValue)
        {
            throw new SandboxException(
                RpcCode.InvalidArgument, $"{request.Width} columns and {request.Height} rows: neither can be more than {ushort.MaxValue}.");
        }

        Terminals.Resize(terminal, (ushort)request.Width, (ushort)request.Height);
        call.Answer(new ResizeResponse());
    }
}
