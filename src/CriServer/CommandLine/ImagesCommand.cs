using System.CommandLine;
using System.Globalization;
using Crisp.Cri.V1;
using Google.Protobuf.Collections;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp images</c>: the images of this node.</summary>
internal static class ImagesCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Ids alone, whole, one a line" };
        var format = OutputFormats.Option();
        var command = new Command("images", "List images.") { quiet, format };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var response = await client.Images.ListImagesAsync(new ListImagesRequest(), cancellationToken: cancellation);
            var text = parsed.GetValue(quiet) ? string.Concat(response.Images.Select(i => i.Id + "\n"))
                : parsed.GetValue(format) == OutputFormat.Json ? OutputFormats.Json(response)
                : Table(response.Images);
            await parsed.InvocationConfiguration.Output.WriteAsync(text);
            return 0;
        });
        return command;
    }

    /// <summary>A row for each name; images without a tag have their digest, or nothing.</summary>
    internal static string Table(IEnumerable<Image> images)
    {
        var table = new Table("NAME", "IMAGE ID", "SIZE", "USER", "PINNED");
        foreach (var (name, image) in images.SelectMany(i => Names(i).Select(n => (Name: n, Image: i))).OrderBy(r => r.Name, StringComparer.Ordinal))
        {
            table.Add(
                name,
                ShortId.OfImage(image.Id),
                string.Create(CultureInfo.InvariantCulture, $"{image.Size / 1e6:0.0} MB"),
                image.Username.Length > 0 ? image.Username : (image.Uid?.Value ?? 0).ToString(CultureInfo.InvariantCulture),
                image.Pinned ? "yes" : "");
        }

        return table.ToString();
    }

    private static RepeatedField<string> Names(Image image)
        => image.RepoTags.Count > 0 ? image.RepoTags : image.RepoDigests.Count > 0 ? image.RepoDigests : ["<none>"];
}
