using System.Globalization;
using Crisp.Linux;

namespace Crisp.PodStats;

/// <summary>The process that listens on a socket.</summary>
internal sealed class DaemonProcess(int pid)
{
    private const double TicksPerSecond = 100;

    public static DaemonProcess Behind(string socketPath)
    {
        using var socket = Sockets.Connect(socketPath);
        return new DaemonProcess(Sockets.GetPeerCredentials(socket).Pid);
    }

    /// <summary>User and system time of all its threads since it was started (proc_pid_stat(5), fields 14 and 15).</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return TimeSpan.FromSeconds((Number(fields[11]) + Number(fields[12])) / TicksPerSecond);
        }
    }

    /// <summary>VmRSS in MiB.</summary>
    public double ResidentMebibytes
        => Number(File.ReadAllText($"/proc/{pid}/statm").Split(' ')[1]) * Environment.SystemPageSize / (1 << 20);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
