using System.CommandLine;
using System.Globalization;
using Crisp.Cri.V1;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp pods</c>: the pods.</summary>
internal static class PodsCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Ids alone, whole, one a line" };
        var format = OutputFormats.Option();
        var command = new Command("pods", "List pods.") { quiet, format };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var response = await client.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest(), cancellationToken: cancellation);
            var pods = response.Items.OrderByDescending(p => p.CreatedAt).ToList();
            var text = parsed.GetValue(quiet) ? string.Concat(pods.Select(p => p.Id + "\n"))
                : parsed.GetValue(format) == OutputFormat.Json ? OutputFormats.Json(new ListPodSandboxResponse { Items = { pods } })
                : Table(pods, DateTimeOffset.UtcNow);
            await parsed.InvocationConfiguration.Output.WriteAsync(text);
            return 0;
        });
        return command;
    }

    internal static string Table(IEnumerable<PodSandbox> pods, DateTimeOffset now)
    {
        var table = new Table("POD ID", "AGE", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME");
        foreach (var pod in pods)
        {
            table.Add(
                ShortId.Of(pod.Id),
                Age.Since(pod.CreatedAt, now),
                pod.State == PodSandboxState.SandboxReady ? "Ready" : "NotReady",
                pod.Metadata.Name,
                pod.Metadata.Namespace,
                pod.Metadata.Attempt.ToString(CultureInfo.InvariantCulture),
                pod.RuntimeHandler.Length == 0 ? "(default)" : pod.RuntimeHandler);
        }

        return table.ToString();
    }
}
