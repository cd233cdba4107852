using System.CommandLine;
using Crisp.Api.V1;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp image import</c>: the daemon brings an image in from a file, this shows how far it is.</summary>
internal static class ImageImportCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var name = new Option<string?>("--name")
        {
            Description = "The image's name, for example registry.example/app:1 (default: the names in the archive)",
            HelpName = "REF",
        };
        var path = new Argument<string>("PATH") { Description = "An OCI layout directory, an OCI archive or a docker archive" };
        var command = new Command(
            "import",
            "Bring an image in from a file or directory. The daemon opens it: it must be on the daemon's machine, where the daemon can read it.")
        {
            name, path,
        };
        daemon.AddTo(command);
        command.SetRun((parsed, cancellation) => RunAsync(
            daemon.SocketPath(parsed),
            new ImportImageRequest { Path = Path.GetFullPath(parsed.GetRequiredValue(path)), Name = parsed.GetValue(name) ?? "" },
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error,
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        string socket, ImportImageRequest request, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        using var channel = DaemonChannel.Open(socket);
        using var progress = new ProgressLines(error, isTerminal: !Console.IsErrorRedirected);
        try
        {
            using var call = new ImageImports.ImageImportsClient(channel).Import(request, cancellationToken: cancellation);
            await foreach (var response in call.ResponseStream.ReadAllAsync(cancellation))
            {
                if (response.Progress is { } layer)
                {
                    progress.Show(layer.Subject, layer.Done, layer.Total);
                }
                else if (response.Image is { } image)
                {
                    progress.Clear();
                    await output.WriteLineAsync(Describe(image));
                }
            }

            return 0;
        }
        catch (RpcException failure) when (failure.StatusCode != StatusCode.Cancelled)
        {
            progress.Clear();
            throw new CommandException($"{request.Path} was not imported. {DaemonFailure.Sentence(failure)}", failure);
        }
    }

    // One line for each image: its names, then its id.
    private static string Describe(ImportedImage image)
        => $"{(image.RepoTags.Count == 0 ? "<no name, give one with --name>" : string.Join(' ', image.RepoTags))} {image.Id}";
}
