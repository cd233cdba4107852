using System.CommandLine;
using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Completion;
using Google.Protobuf;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp inspect</c>: everything the daemon tells of one container, pod or image, as JSON.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var thing = new Argument<string>("NAME") { Description = "A container, a pod or an image, by name or id" }
            .WithContainers(daemon).WithImages(daemon);
        var command = new Command("inspect", "Print everything about a container, a pod or an image, as JSON.") { thing };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var text = parsed.GetRequiredValue(thing);
            var (message, info) = await FindAsync(client, text, cancellation);
            await parsed.InvocationConfiguration.Output.WriteAsync(Join(message, info));
            return 0;
        });
        return command;
    }

    /// <summary>One object of CRI's status and its verbose info, whose values are JSON themselves, as crictl prints it.</summary>
    internal static string Join(IMessage status, IEnumerable<KeyValuePair<string, string>> info)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WritePropertyName("status");
            json.WriteRawValue(OutputFormats.Json(status));
            foreach (var (name, value) in info)
            {
                json.WritePropertyName(name);
                WriteInfo(json, value);
            }

            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void WriteInfo(Utf8JsonWriter json, string value)
    {
        try
        {
            using var document = JsonDocument.Parse(value);
            document.RootElement.WriteTo(json);
        }
        catch (JsonException)
        {
            // CRI demands no JSON: another runtime's info may be any text.
            json.WriteStringValue(value);
        }
    }

    private static async Task<(IMessage, IEnumerable<KeyValuePair<string, string>>)> FindAsync(
        DaemonClient client, string text, CancellationToken cancellation)
    {
        try
        {
            return await ContainerAsync(client, text, cancellation);
        }
        catch (CommandException)
        {
            // Its sentence names containers that are near, and is the answer when nothing else has the name either.
            if (await PodAsync(client, text, cancellation) is { } pod)
            {
                return pod;
            }

            if (await ImageAsync(client, text, cancellation) is { } image)
            {
                return image;
            }

            throw;
        }
    }

    private static async Task<(IMessage, IEnumerable<KeyValuePair<string, string>>)> ContainerAsync(
        DaemonClient client, string text, CancellationToken cancellation)
    {
        var entry = ContainerFinder.Find(await ContainerEntry.ListAsync(client, cancellation), text);
        var request = new ContainerStatusRequest { ContainerId = entry.Id, Verbose = true };
        var response = await client.Runtime.ContainerStatusAsync(request, cancellationToken: cancellation);
        return (response.Status, response.Info);
    }

    private static async Task<(IMessage, IEnumerable<KeyValuePair<string, string>>)?> PodAsync(
        DaemonClient client, string text, CancellationToken cancellation)
    {
        var pods = await client.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest(), cancellationToken: cancellation);
        if (pods.Items.Count(p => Means(p, text)) != 1)
        {
            return null;
        }

        var request = new PodSandboxStatusRequest { PodSandboxId = pods.Items.First(p => Means(p, text)).Id, Verbose = true };
        var response = await client.Runtime.PodSandboxStatusAsync(request, cancellationToken: cancellation);
        return (response.Status, response.Info);
    }

    private static async Task<(IMessage, IEnumerable<KeyValuePair<string, string>>)?> ImageAsync(
        DaemonClient client, string text, CancellationToken cancellation)
    {
        try
        {
            var request = new ImageStatusRequest { Image = new ImageSpec { Image = text }, Verbose = true };
            var response = await client.Images.ImageStatusAsync(request, cancellationToken: cancellation);
            return response.Image is null ? null : (response.Image, response.Info);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.InvalidArgument)
        {
            // NAMESPACE/POD/NAME with capitals, for example, is no image's name.
            return null;
        }
    }

    private static bool Means(PodSandbox pod, string text)
        => (text.Length > 0 && pod.Id.StartsWith(text, StringComparison.Ordinal)) || pod.Metadata.Name == text || $"{pod.Metadata.Namespace}/{pod.Metadata.Name}" == text;
}
