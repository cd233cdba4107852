using System.Diagnostics;
using System.Globalization;
using System.Text;
using Crisp.Cri.V1;
using Crisp.PodLife;

namespace Crisp.PodStats;

/// <summary>Each call once a second for a while, and the daemon's processor time meanwhile; first the same while without calls.</summary>
internal sealed class Polls(CriClient client, DaemonProcess daemon, TimeSpan time)
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    public async Task<string> RunAsync(CancellationToken cancellation)
    {
        var runtime = client.Runtime;
        var table = new StringBuilder();
        table.Append(CultureInfo.InvariantCulture, $"{"call once a second",-24}{"% of a core",12}{"ms of CPU",11}{"ms median",11}{"ms max",9}{"KiB",8}{"RSS MiB",9}\n");
        await MeasureAsync(table, "(none)", () => Task.FromResult(0), cancellation);
        await MeasureAsync(table, "ListPodSandboxStats", async () => (await runtime.ListPodSandboxStatsAsync(new ListPodSandboxStatsRequest())).CalculateSize(), cancellation);
        await MeasureAsync(table, "ListContainerStats", async () => (await runtime.ListContainerStatsAsync(new ListContainerStatsRequest())).CalculateSize(), cancellation);
        await MeasureAsync(table, "ListPodSandboxMetrics", async () => (await runtime.ListPodSandboxMetricsAsync(new ListPodSandboxMetricsRequest())).CalculateSize(), cancellation);
        return table.ToString();
    }

    private async Task MeasureAsync(StringBuilder table, string name, Func<Task<int>> call, CancellationToken cancellation)
    {
        // The first calls compile, open sockets and measure layers.
        for (var i = 0; i < 3; i++)
        {
            await call();
            await Task.Delay(_interval, cancellation);
        }

        var (milliseconds, size) = (new List<double>(), 0);
        var (before, clock) = (daemon.ProcessorTime, Stopwatch.StartNew());
        while (clock.Elapsed < time)
        {
            var start = Stopwatch.GetTimestamp();
            size = await call();
            milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            await Task.Delay(TimeSpan.FromTicks(Math.Max(0, (_interval * milliseconds.Count - clock.Elapsed).Ticks)), cancellation);
        }

        var (used, passed) = (daemon.ProcessorTime - before, clock.Elapsed);
        milliseconds.Sort();
        table.Append(
            CultureInfo.InvariantCulture,
            $"{name,-24}{100 * used / passed,12:0.00}{used.TotalMilliseconds / milliseconds.Count,11:0.00}{milliseconds[milliseconds.Count / 2],11:0.00}"
            + $"{milliseconds[^1],9:0.00}{size / 1024,8}{daemon.ResidentMebibytes,9:0.0}\n");
    }
}
