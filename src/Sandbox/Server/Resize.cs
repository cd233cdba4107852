using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Resize(Call call, ResizeRequest request)
    {
        var container = Find(request.ContainerId);
        if (request.Width > ushort.MaxValue || request.Height > ushort.MaxValue)
        {
            throw new SandboxException(
                RpcCode.InvalidArgument, $"{request.Width} columns and {request.Height} rows: neither can be more than {ushort.MaxValue}.");
        }

        var exec = request.ExecId.Length > 0 ? container.Execs.Find(request.ExecId) : null;
        if (request.ExecId.Length > 0 && exec is null)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"The exec {request.ExecId} has ended, so that it has no terminal.");
        }

        container.Resize(exec, (ushort)request.Width, (ushort)request.Height, call.Deadline, () => call.Answer(new ResizeResponse()), call.Fail);
    }
}
