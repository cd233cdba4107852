using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Streaming;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>A URL under which a command can be run, with its streams. Nothing runs before somebody comes with it.</summary>
    public override Task<ExecResponse> Exec(ExecRequest request, ServerCallContext context)
    {
        if (request.Cmd.Count == 0 || request.Cmd[0].Length == 0)
        {
            throw CriException.Invalid("Exec needs a cmd.");
        }

        CheckStreams("Exec", request.Tty, request.Stdin, request.Stdout, request.Stderr);
        var container = FindRunning(request.ContainerId);
        var url = _streaming.UrlFor(new ExecStreamRequest(
            container.Id, [.. request.Cmd], request.Tty, request.Stdin, request.Stdout, request.Stderr));
        return Task.FromResult(new ExecResponse { Url = url });
    }

    private static void CheckStreams(string call, bool terminal, bool stdin, bool stdout, bool stderr)
    {
        if (terminal && stderr)
        {
            throw CriException.Invalid($"{call}: tty and stderr exclude each other, since a terminal has one output.");
        }

        if (!stdin && !stdout && !stderr)
        {
            throw CriException.Invalid($"{call} needs at least one of stdin, stdout and stderr.");
        }
    }
}
