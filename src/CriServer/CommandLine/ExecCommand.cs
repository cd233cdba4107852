using System.CommandLine;
using Crisp.Cri.V1;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp exec</c>: runs a command in a container to its end and ends with its exit code.</summary>
internal static class ExecCommand
{
    // As docker and podman have it, so that a script can tell our failures from the command's.
    private const int Failed = 125;

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var timeout = new Option<long>("--timeout") { Description = "Kill the command after so many seconds (default: never)", HelpName = "SECONDS" };
        var stdin = new Option<bool>("--stdin", "-i") { Description = "Pass standard input on (needs streaming, not in this version)" };
        var terminal = new Option<bool>("--tty", "-t") { Description = "With a terminal (needs streaming, not in this version)" };
        var container = new Argument<string>("CONTAINER") { Description = "Id or its beginning, or [[NAMESPACE/]POD/]NAME" };
        var words = new Argument<string[]>("COMMAND") { Description = "The command with its arguments, options included", Arity = ArgumentArity.OneOrMore };
        var command = new Command("exec", "Run a command in a running container. At most 16 MiB of each output are kept.")
        {
            timeout, stdin, terminal, container, words,
        };
        daemon.AddTo(command);
        command.SetRun(
            async (parsed, cancellation) =>
            {
                if (parsed.GetValue(stdin) || parsed.GetValue(terminal))
                {
                    throw new CommandException("Interactive commands need streaming, which this version of crisp does not have. Leave out -i and -t.");
                }

                using var client = new DaemonClient(daemon.SocketPath(parsed));
                var entry = ContainerFinder.Find(await ContainerEntry.ListAsync(client, cancellation), parsed.GetRequiredValue(container));
                var request = new ExecSyncRequest { ContainerId = entry.Id, Timeout = parsed.GetValue(timeout), Cmd = { parsed.GetRequiredValue(words) } };
                var response = await client.Runtime.ExecSyncAsync(request, cancellationToken: cancellation);
                using var output = DescriptorStream.Output();
                using var error = DescriptorStream.Error();
                output.Write(response.Stdout.Span);
                error.Write(response.Stderr.Span);
                return response.ExitCode;
            },
            Failed);
        return command;
    }
}
