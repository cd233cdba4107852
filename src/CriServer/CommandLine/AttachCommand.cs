using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Streaming;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp attach</c>: the streams of a container's main process, until it ends or Ctrl-C.</summary>
internal static class AttachCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var stdin = new Option<bool>("--stdin", "-i") { Description = "Pass standard input on" };
        var terminal = new Option<bool>("--tty", "-t") { Description = "The container has a terminal" };
        var container = new Argument<string>("CONTAINER") { Description = "Id or its beginning, or [[NAMESPACE/]POD/]NAME" };
        var command = new Command("attach", "See what a running container writes, and write to it.") { stdin, terminal, container };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var entry = ContainerFinder.Find(await ContainerEntry.ListAsync(client, cancellation), parsed.GetRequiredValue(container));
            var request = new AttachRequest
            {
                ContainerId = entry.Id,
                Stdin = parsed.GetValue(stdin),
                Stdout = true,
                Stderr = !parsed.GetValue(terminal),
                Tty = parsed.GetValue(terminal),
            };
            var response = await client.Runtime.AttachAsync(request, cancellationToken: cancellation);
            return await RemoteCommand.RunAsync(response.Url, request.Stdin, request.Tty, cancellation);
        });
        return command;
    }
}
