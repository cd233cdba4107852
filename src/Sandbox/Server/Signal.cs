using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Signal(Call call, SignalRequest request)
    {
        var container = Find(request.ContainerId);
        if (request.Signal is < 1 or > Signals.Last)
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"{request.Signal} is no signal; they are 1 to {Signals.Last}.");
        }

        if (request.All)
        {
            SignalAll(call, request, container);
            return;
        }

        // One that has ended already is no error: the signal came a moment too late, and what it was to do is done.
        if (request.ExecId.Length > 0)
        {
            var exec = container.Execs.Find(request.ExecId);
            if (exec is { Pid: 0 })
            {
                throw new SandboxException(RpcCode.FailedPrecondition, $"The exec {exec.Id} is still being started.");
            }

            if (exec is null)
            {
                call.Answer(new SignalResponse());
                return;
            }

            container.Signal(exec, request.Signal, call.Deadline, () => call.Answer(new SignalResponse()), call.Fail);
            return;
        }

        container.RequireStarted();
        container.Signal(null, request.Signal, call.Deadline, () => call.Answer(new SignalResponse()), call.Fail);
    }

    private static void SignalAll(Call call, SignalRequest request, Container container)
    {
        if (request.Signal != Signals.Kill || request.ExecId.Length > 0)
        {
            throw new SandboxException(RpcCode.InvalidArgument, "Only SIGKILL can be sent to all processes, and only to those of a container.");
        }

        container.RequireStarted();
        container.KillAll(call.Deadline, () => call.Answer(new SignalResponse()), call.Fail);
    }
}
