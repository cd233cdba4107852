using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Completion;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp image rm</c>.</summary>
internal static class ImageRemoveCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var images = new Argument<string[]>("IMAGE") { Description = "Names or ids", Arity = ArgumentArity.OneOrMore }
            .WithImages(daemon);
        var command = new Command("rm", "Remove images, each with all its names.") { images };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            foreach (var name in parsed.GetRequiredValue(images))
            {
                var spec = new ImageSpec { Image = name };
                var status = await client.Images.ImageStatusAsync(new ImageStatusRequest { Image = spec }, cancellationToken: cancellation);
                if (status.Image is null)
                {
                    throw new CommandException($"There is no image {name}. crisp images lists all.");
                }

                await client.Images.RemoveImageAsync(new RemoveImageRequest { Image = spec }, cancellationToken: cancellation);
                await parsed.InvocationConfiguration.Output.WriteLineAsync($"{name} {status.Image.Id}");
            }

            return 0;
        });
        return command;
    }
}
