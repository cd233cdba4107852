using System.Text.Json;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private const int MaxExecId = 64;

    private void Exec(Call call, ExecRequest request)
    {
        // First of all, so that a refusal closes them too.
        var streams = _streams.Take(request.StreamToken, request.Stdin, request.Stdout, request.Stderr);
        try
        {
            var container = Find(request.ContainerId);
            CheckExecId(request.ExecId);
            var process = JsonSerializer.Deserialize(request.ProcessJson.Span, SpecJson.Default.ProcessSpec)
                ?? throw new SandboxException(RpcCode.InvalidArgument, "Exec: the specification is null.");
            if (process.Args.Count == 0)
            {
                throw new SandboxException(RpcCode.InvalidArgument, "Exec needs a program.");
            }

            container.Exec(request.ExecId, process, streams, call.Deadline, exec => call.Answer(new ExecResponse { Pid = exec.Pid }), call.Fail);
        }
        catch
        {
            streams.Close();
            throw;
        }
    }

    private static void CheckExecId(string id)
    {
        var valid = id.Length is > 0 and <= MaxExecId;
        foreach (var c in id)
        {
            valid &= char.IsAsciiLetterOrDigit(c) || c is '-' or '_';
        }

        if (!valid)
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"The exec id \"{id}\" is not 1 to {MaxExecId} of a-z, A-Z, 0-9, '-', '_'.");
        }
    }
}
