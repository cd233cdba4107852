using System.Globalization;

namespace Crisp.CriServer.Tests.Streaming;

/// <summary>What a process and its children hold, summed up.</summary>
internal sealed record Usage(int Threads, int Descriptors, long ResidentKilobytes)
{
    public static Usage Of(int pid)
    {
        var pids = Directory.GetDirectories($"/proc/{pid}/task")
            .SelectMany(task => File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Append($"{pid}")
            .ToList();
        return new Usage(
            pids.Sum(p => Directory.GetDirectories($"/proc/{p}/task").Length),
            pids.Sum(p => Directory.GetFiles($"/proc/{p}/fd").Length),
            pids.Sum(p => Resident($"/proc/{p}/status")));
    }

    private static long Resident(string status)
        => long.Parse(File.ReadLines(status).First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
