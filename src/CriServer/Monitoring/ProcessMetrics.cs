using System.Globalization;
using Crisp.CriServer.Runtime;
using Prometheus;

namespace Crisp.CriServer.Monitoring;

/// <summary>Memory and processor time of the daemon and of the pods' processes, from /proc, taken when somebody reads them.</summary>
internal sealed class ProcessMetrics
{
    private readonly Node _node;
    private readonly Gauge _podsCount;
    private readonly Gauge _podsMemory;
    private readonly Gauge _podsLargest;
    private readonly Gauge _memory;
    private readonly Counter _cpu;
    private readonly Gauge _descriptors;
    private readonly Gauge _threads;

    public ProcessMetrics(Node node, DaemonMetrics metrics)
    {
        _node = node;
        var factory = metrics.Factory;
        _podsCount = factory.CreateGauge("crisp_sandbox_processes", "Pods' own processes (crisp-sandbox).");
        _podsMemory = factory.CreateGauge("crisp_sandbox_processes_resident_bytes", "Resident memory of the pods' own processes, shared pages counted in each.");
        _podsLargest = factory.CreateGauge("crisp_sandbox_processes_resident_bytes_max", "Resident memory of the largest of the pods' own processes.");
        _memory = factory.CreateGauge("process_resident_memory_bytes", "Resident memory of the daemon.");
        _cpu = factory.CreateCounter("process_cpu_seconds_total", "Processor time that the daemon has used, user and system.");
        _descriptors = factory.CreateGauge("process_open_fds", "Open file descriptors of the daemon.");
        _threads = factory.CreateGauge("process_threads", "Threads of the daemon.");
        factory.CreateGauge("process_start_time_seconds", "When the daemon was started, in seconds since the epoch.")
            .Set((System.Diagnostics.Process.GetCurrentProcess().StartTime.ToUniversalTime() - DateTime.UnixEpoch).TotalSeconds);
        metrics.BeforeReading(Update);
    }

    /// <summary>Field 2 of /proc/PID/statm, in bytes; 0 for a process that has gone.</summary>
    internal static long ResidentBytes(int pid)
    {
        try
        {
            var fields = File.ReadAllText($"/proc/{pid}/statm").Split(' ');
            return long.Parse(fields[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private void Update()
    {
        var pods = _node.Index.All.Select(s => s.Link).OfType<Sandboxes.SandboxLink>().Where(l => !l.HasEnded)
            .Select(l => ResidentBytes(l.Identity.Pid)).Where(bytes => bytes > 0).ToList();
        _podsCount.Set(pods.Count);
        _podsMemory.Set(pods.Sum());
        _podsLargest.Set(pods.DefaultIfEmpty().Max());
        _memory.Set(ResidentBytes(Environment.ProcessId));
        _cpu.IncTo(Environment.CpuUsage.TotalTime.TotalSeconds);
        _descriptors.Set(Directory.EnumerateFileSystemEntries("/proc/self/fd").Count());
        _threads.Set(Directory.EnumerateDirectories("/proc/self/task").Count());
    }
}
