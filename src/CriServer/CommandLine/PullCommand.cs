using System.CommandLine;
using Crisp.Api.V1;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp pull</c>: the daemon fetches an image, this shows how far it is.</summary>
internal static class PullCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var credentials = new Option<string?>("--creds")
        {
            Description = "For the image's registry. Other users of this machine see arguments: - reads them from standard input instead",
            HelpName = "USER:PASSWORD",
        };
        var image = new Argument<string>("IMAGE") { Description = "For example docker.io/library/busybox:latest, or a name with @sha256:…" };
        var command = new Command("pull", "Fetch an image from its registry.") { credentials, image };
        daemon.AddTo(command);
        command.SetRun((parsed, cancellation) => RunAsync(
            daemon.SocketPath(parsed),
            Request(parsed.GetRequiredValue(image), parsed.GetValue(credentials)),
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error,
            cancellation));
        return command;
    }

    private static PullRequest Request(string image, string? credentials)
    {
        var request = new PullRequest { Image = image };
        if (credentials is not null)
        {
            var pair = credentials == "-" ? Console.In.ReadLine() ?? "" : credentials;
            var colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
            {
                throw new CommandException("--creds takes USER:PASSWORD, or - to read that from standard input.");
            }

            (request.Username, request.Password) = (pair[..colon], pair[(colon + 1)..]);
        }

        return request;
    }

    private static async Task<int> RunAsync(
        string socket, PullRequest request, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        using var client = new DaemonClient(socket);
        var id = await ImagePull.RunAsync(client, request, error, cancellation);
        await output.WriteLineAsync($"{request.Image} {id}");
        return 0;
    }
}
