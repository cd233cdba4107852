using System.Globalization;

namespace Crisp.SandboxMemory;

/// <summary>Watches a process's memory from a thread of its own (proc_pid_smaps(5), smaps_rollup).</summary>
internal sealed class MemorySampler : IDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(20);
    private readonly string _rollup;
    private readonly string _status;
    private readonly Thread _thread;
    private volatile bool _stopped;
    private long _peakPrivateDirty;

    public MemorySampler(int pid)
    {
        _rollup = $"/proc/{pid}/smaps_rollup";
        _status = $"/proc/{pid}/status";
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    public void Report(string what)
    {
        var (rss, dirty) = Read();
        Console.WriteLine($"{what,-32}{rss >> 10,10}{dirty >> 10,20}");
    }

    /// <summary>Of the resident set the kernel keeps the peak itself (VmHWM); that of private dirty pages is the largest sample.</summary>
    public (long Rss, long PrivateDirty) Peak() => (Value(File.ReadAllLines(_status), "VmHWM:"), Interlocked.Read(ref _peakPrivateDirty));

    public void Dispose()
    {
        _stopped = true;
        _thread.Join();
    }

    private void Run()
    {
        for (; !_stopped; Thread.Sleep(_interval))
        {
            Read();
        }
    }

    private (long Rss, long PrivateDirty) Read()
    {
        var lines = File.ReadAllLines(_rollup);
        var dirty = Value(lines, "Private_Dirty:");
        long seen;
        while (dirty > (seen = Interlocked.Read(ref _peakPrivateDirty)))
        {
            Interlocked.CompareExchange(ref _peakPrivateDirty, dirty, seen);
        }

        return (Value(lines, "Rss:"), dirty);
    }

    // Such as "Rss:    5120 kB".
    private static long Value(string[] lines, string name)
    {
        var line = Array.Find(lines, l => l.StartsWith(name, StringComparison.Ordinal)) ?? throw new InvalidDataException($"There is no {name}");
        return long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal), NumberStyles.Integer, CultureInfo.InvariantCulture) << 10;
    }
}
