using System.CommandLine;
using System.Globalization;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Streaming;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp port-forward</c>: ports of a pod's loopback on the node's, until Ctrl-C.</summary>
internal static class PortForwardCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var container = new Argument<string>("CONTAINER") { Description = "Any container of the pod: id or its beginning, or [[NAMESPACE/]POD/]NAME" };
        var ports = new Argument<string[]>("[LOCAL:]PORT") { Description = "The pod's port, and one of the node's (default: the same; 0: any)", Arity = ArgumentArity.OneOrMore };
        var command = new Command("port-forward", "Reach ports of a pod from this node.") { container, ports };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            var pairs = parsed.GetRequiredValue(ports).Select(Parse).ToList();
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var entry = ContainerFinder.Find(await ContainerEntry.ListAsync(client, cancellation), parsed.GetRequiredValue(container));
            var request = new PortForwardRequest { PodSandboxId = entry.Container.PodSandboxId };
            var response = await client.Runtime.PortForwardAsync(request, cancellationToken: cancellation);
            var (output, errors) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            await PortForwarder.RunAsync(response.Url, pairs, output, errors, cancellation);
            return 0;
        });
        return command;
    }

    /// <exception cref="CommandException">No port, or no pair of ports.</exception>
    internal static (int Local, int Remote) Parse(string text)
    {
        var parts = text.Split(':');
        return parts.Length <= 2 && TryParse(parts[^1], 1, out var remote) && TryParse(parts[0], parts.Length == 1 ? 1 : 0, out var local)
            ? (local, remote)
            : throw new CommandException($"\"{text}\" is no port and no LOCAL:PORT.");
    }

    private static bool TryParse(string text, int least, out int port)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port >= least && port <= ushort.MaxValue;
}
