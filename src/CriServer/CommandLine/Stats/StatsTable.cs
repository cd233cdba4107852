using System.Globalization;
using Crisp.Cri.V1;

namespace Crisp.CriServer.CommandLine.Stats;

/// <summary>Two readings as a table. A rate is what lies between them; what the daemon does not tell is a dash.</summary>
internal static class StatsTable
{
    private const string Unknown = "-";

    /// <param name="id">The only container to show; null for all that run.</param>
    public static string Containers(ListPodSandboxStatsResponse before, ListPodSandboxStatsResponse now, string? id)
    {
        var earlier = before.Stats.SelectMany(p => p.Linux.Containers).ToDictionary(c => c.Attributes.Id, c => c.Cpu);
        var table = new Table("CONTAINER", "NAME", "POD", "CPU %", "MEMORY", "LIMIT", "MEM %", "SWAP", "DISK");
        foreach (var pod in now.Stats)
        {
            foreach (var container in pod.Linux.Containers.Where(c => id is null ? c.Cpu is not null : c.Attributes.Id == id))
            {
                var memory = container.Memory;
                var limit = memory?.AvailableBytes is { } available ? memory.WorkingSetBytes.Value + available.Value : (ulong?)null;
                table.Add(
                    ShortId.Of(container.Attributes.Id),
                    container.Attributes.Metadata.Name,
                    PodName(pod),
                    Cpu(earlier.GetValueOrDefault(container.Attributes.Id), container.Cpu),
                    Bytes(memory?.WorkingSetBytes?.Value),
                    Bytes(limit),
                    limit > 0 ? Percent(100d * memory!.WorkingSetBytes.Value / limit.Value) : Unknown,
                    Bytes(container.Swap?.SwapUsageBytes?.Value),
                    Bytes(container.WritableLayer?.UsedBytes?.Value));
            }
        }

        return table.ToString();
    }

    public static string Pods(ListPodSandboxStatsResponse before, ListPodSandboxStatsResponse now)
    {
        var earlier = before.Stats.ToDictionary(p => p.Attributes.Id, p => p.Linux.Cpu);
        var table = new Table("POD ID", "POD", "CPU %", "MEMORY", "THREADS", "RECEIVED", "SENT", "CONTAINERS");
        foreach (var pod in now.Stats)
        {
            var link = pod.Linux.Network?.DefaultInterface;
            table.Add(
                ShortId.Of(pod.Attributes.Id),
                PodName(pod),
                Cpu(earlier.GetValueOrDefault(pod.Attributes.Id), pod.Linux.Cpu),
                Bytes(pod.Linux.Memory?.WorkingSetBytes?.Value),
                pod.Linux.Process?.ProcessCount?.Value.ToString(CultureInfo.InvariantCulture) ?? Unknown,
                Bytes(link?.RxBytes?.Value),
                Bytes(link?.TxBytes?.Value),
                pod.Linux.Containers.Count(c => c.Cpu is not null).ToString(CultureInfo.InvariantCulture));
        }

        return table.ToString();
    }

    /// <summary>Three digits and a unit: 0B, 1023B, 1.50KiB, 64.0MiB, 2.00GiB.</summary>
    internal static string Bytes(ulong? bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        if (bytes is not { } count)
        {
            return Unknown;
        }

        var (value, unit) = ((double)count, 0);
        while (value >= 1024 && unit < units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        var format = unit == 0 ? "F0" : value < 10 ? "F2" : value < 100 ? "F1" : "F0";
        return value.ToString(format, CultureInfo.InvariantCulture) + units[unit];
    }

    // 100 % is one processor, as top and docker have it.
    private static string Cpu(CpuUsage? before, CpuUsage? now)
    {
        if (before is null || now is null || now.Timestamp <= before.Timestamp || now.UsageCoreNanoSeconds.Value < before.UsageCoreNanoSeconds.Value)
        {
            return Unknown;
        }

        return Percent(100d * (now.UsageCoreNanoSeconds.Value - before.UsageCoreNanoSeconds.Value) / (now.Timestamp - before.Timestamp));
    }

    private static string Percent(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

    private static string PodName(PodSandboxStats pod) => $"{pod.Attributes.Metadata.Namespace}/{pod.Attributes.Metadata.Name}";
}
