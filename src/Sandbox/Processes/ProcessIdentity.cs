using System.Globalization;
using System.Text;
using Crisp.Linux;

namespace Crisp.Sandbox.Processes;

/// <summary>Names one process for ever: its number is given again, the number with its start in this boot is not.</summary>
/// <param name="StartTime">Field 22 of /proc/pid/stat (proc_pid_stat(5)), in clock ticks since boot.</param>
/// <param name="BootId">/proc/sys/kernel/random/boot_id.</param>
public sealed record ProcessIdentity(int Pid, ulong StartTime, string BootId)
{
    /// <summary>The process that has this number now, or null when there is none.</summary>
    public static ProcessIdentity? Read(int pid)
    {
        try
        {
            using var stat = Files.Open($"/proc/{pid}/stat", OpenFlags.ReadOnly);
            return new ProcessIdentity(pid, ParseStartTime(Files.ReadToEnd(stat, 4096)), ReadBootId());
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH)
        {
            return null;
        }
    }

    public static string ReadBootId()
    {
        using var file = Files.Open("/proc/sys/kernel/random/boot_id", OpenFlags.ReadOnly);
        return Encoding.ASCII.GetString(Files.ReadToEnd(file, 128)).TrimEnd();
    }

    /// <summary>The second field is the program's name, which may hold spaces and parentheses; it ends at the last one.</summary>
    internal static ulong ParseStartTime(ReadOnlySpan<byte> stat)
    {
        var rest = stat[(stat.LastIndexOf((byte)')') + 2)..];
        for (var field = 3; field < 22; field++)
        {
            rest = rest[(rest.IndexOf((byte)' ') + 1)..];
        }

        return ulong.Parse(rest[..rest.IndexOf((byte)' ')], NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
