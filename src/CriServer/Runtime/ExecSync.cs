using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.Sandbox.Client;
using Google.Protobuf;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    // A daemon that inherited the pipe keeps it open after the command's end; its later output is nobody's.
    private static readonly TimeSpan _drainPatience = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Runs a command and returns its output, each stream cut at 16 MiB. After the timeout, and when the caller goes away,
    /// the command is killed.
    /// </summary>
    public override async Task<ExecSyncResponse> ExecSync(ExecSyncRequest request, ServerCallContext context)
    {
        if (request.Cmd.Count == 0 || request.Cmd[0].Length == 0)
        {
            throw CriException.Invalid("ExecSync needs a cmd.");
        }

        if (request.Timeout < 0)
        {
            throw CriException.Invalid($"The timeout is {request.Timeout} seconds; 0 is none.");
        }

        var container = FindRunning(request.ContainerId);
        var process = container.Record.Spec.Process with
        {
            Args = [.. request.Cmd],
            Terminal = false,
            Stdin = false,
            StdinOnce = false,
        };
        using var session = await LinkOf(container).Client.ExecAsync(
            container.Id, Identifier.Create(), process, new ExecStreams(Stdin: false, Stdout: true, Stderr: true), context.CancellationToken);
        return await RunAsync(session, request, context.CancellationToken);
    }

    private static async Task<ExecSyncResponse> RunAsync(ExecSession session, ExecSyncRequest request, CancellationToken caller)
    {
        using var stdout = new CappedOutput(session.Stdout!);
        using var stderr = new CappedOutput(session.Stderr!);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(caller);
        if (request.Timeout > 0)
        {
            deadline.CancelAfter(TimeSpan.FromSeconds(Math.Min(request.Timeout, int.MaxValue / 1000)));
        }

        try
        {
            var exit = await session.WaitAsync(deadline.Token);
            return new ExecSyncResponse
            {
                ExitCode = exit.ExitCode,
                Stdout = UnsafeByteOperations.UnsafeWrap(await stdout.TakeAsync(_drainPatience)),
                Stderr = UnsafeByteOperations.UnsafeWrap(await stderr.TakeAsync(_drainPatience)),
            };
        }
        catch (OperationCanceledException)
        {
            await session.SignalAsync(Linux.Signals.Kill, CancellationToken.None);
            caller.ThrowIfCancellationRequested();
            throw new CriException(
                StatusCode.DeadlineExceeded,
                $"\"{string.Join(' ', request.Cmd)}\" ran longer than {request.Timeout} s in the container {session.ContainerId} and was killed.");
        }
    }
}
