using System.CommandLine;
using Crisp.Cri.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine.Events;

/// <summary><c>crisp events</c>: what becomes of pods and containers, one line each, until it is interrupted.</summary>
internal static class EventsCommand
{
    private static readonly JsonFormatter _oneLine = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var json = new Option<bool>("--json") { Description = "Whole events, one JSON object a line; the same as --output json" };
        var format = OutputFormats.Option();
        var command = new Command("events", "Show what becomes of pods and containers, as it happens.") { json, format };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            using var call = client.Runtime.GetContainerEvents(new GetEventsRequest(), cancellationToken: cancellation);
            var output = parsed.InvocationConfiguration.Output;
            var lines = new EventLines();
            var isJson = parsed.GetValue(json) || parsed.GetValue(format) == OutputFormat.Json;
            await foreach (var one in call.ResponseStream.ReadAllAsync(cancellation))
            {
                await output.WriteLineAsync(isJson ? _oneLine.Format(one) : lines.Of(one));
                await output.FlushAsync(cancellation);
            }

            return 0;
        });
        return command;
    }
}
