using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Completion;
using Crisp.CriServer.CommandLine.Streaming;

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
        var stdin = new Option<bool>("--stdin", "-i") { Description = "Pass standard input on" };
        var terminal = new Option<bool>("--tty", "-t") { Description = "With a terminal" };
        var container = new Argument<string>("CONTAINER") { Description = "Id or its beginning, or [[NAMESPACE/]POD/]NAME" }
            .WithContainers(daemon, runningOnly: true);
        var words = new Argument<string[]>("COMMAND") { Description = "The command with its arguments, options included", Arity = ArgumentArity.OneOrMore };
        var command = new Command("exec", "Run a command in a running container.") { timeout, stdin, terminal, container, words };
        daemon.AddTo(command);
        command.SetRun(
            async (parsed, cancellation) =>
            {
                var (withStdin, withTerminal, seconds) = (parsed.GetValue(stdin), parsed.GetValue(terminal), parsed.GetValue(timeout));
                if (seconds != 0 && (withStdin || withTerminal))
                {
                    throw new CommandException("--timeout is for commands without -i and -t.");
                }

                using var client = new DaemonClient(daemon.SocketPath(parsed));
                var entry = ContainerFinder.Find(await ContainerEntry.ListAsync(client, cancellation), parsed.GetRequiredValue(container));
                var line = parsed.GetRequiredValue(words);
                return seconds != 0
                    ? await RunToEndAsync(client, new ExecSyncRequest { ContainerId = entry.Id, Timeout = seconds, Cmd = { line } }, cancellation)
                    : await RunAsync(
                        client,
                        new ExecRequest { ContainerId = entry.Id, Cmd = { line }, Stdin = withStdin, Stdout = true, Stderr = !withTerminal, Tty = withTerminal },
                        cancellation);
            },
            Failed);
        return command;
    }

    private static async Task<int> RunAsync(DaemonClient client, ExecRequest request, CancellationToken cancellation)
    {
        var response = await client.Runtime.ExecAsync(request, cancellationToken: cancellation);
        return await RemoteCommand.RunAsync(response.Url, request.Stdin, request.Tty, cancellation);
    }

    // With a timeout the daemon runs it, and answers once it has ended.
    private static async Task<int> RunToEndAsync(DaemonClient client, ExecSyncRequest request, CancellationToken cancellation)
    {
        var response = await client.Runtime.ExecSyncAsync(request, cancellationToken: cancellation);
        using var output = DescriptorStream.Output();
        using var error = DescriptorStream.Error();
        output.Write(response.Stdout.Span);
        error.Write(response.Stderr.Span);
        return response.ExitCode;
    }
}
