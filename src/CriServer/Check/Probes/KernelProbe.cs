using System.Globalization;
using System.Runtime.InteropServices;

namespace Crisp.CriServer.Check.Probes;

/// <summary>The kernel's version and the machine's architecture.</summary>
internal static class KernelProbe
{
    private const string Advice = "Install a newer kernel, for example Debian's linux-image-amd64, and reboot.";
    private static readonly Version _floor = new(6, 1);

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        yield return Judge(File.ReadAllText("/proc/sys/kernel/osrelease").Trim());
        if (RuntimeInformation.OSArchitecture != Architecture.X64)
        {
            yield return CheckResult.Necessary("architecture", $"{RuntimeInformation.OSArchitecture}", "crisp runs on x86-64 alone.");
        }
    }

    /// <param name="release">As in /proc/sys/kernel/osrelease: 6.1.0-28-amd64.</param>
    internal static CheckResult Judge(string release)
    {
        var parts = release.Split('.', '-', '+', '_');
        if (parts.Length < 2
            || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor))
        {
            return CheckResult.Warning("kernel", $"{release}, whose version cannot be told", $"Make sure that it is {_floor} or later.");
        }

        return new Version(major, minor) >= _floor
            ? CheckResult.Ok("kernel", release)
            : CheckResult.Necessary("kernel", $"{release}, older than {_floor}", Advice);
    }
}
