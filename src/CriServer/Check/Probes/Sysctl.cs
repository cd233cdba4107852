using System.Globalization;

namespace Crisp.CriServer.Check.Probes;

/// <summary>Kernel parameters, by the names that sysctl(8) has.</summary>
internal static class Sysctl
{
    /// <returns>Null where this kernel has no such parameter, or none that is a number.</returns>
    public static long? Read(string name)
    {
        var path = Path.Combine("/proc/sys", name.Replace('.', '/'));
        return File.Exists(path) && long.TryParse(File.ReadAllText(path).Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;
    }
}
