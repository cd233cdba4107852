using System.Collections.Concurrent;

namespace Crisp.CriServer.Stats.Metrics;

/// <summary>/dev/NAME of a block device by its number (sysfs(5)); its number again where it has no name, such as that of a btrfs.</summary>
internal static class DeviceNames
{
    private static readonly ConcurrentDictionary<(uint Major, uint Minor), string> _names = new();

    public static string Of(uint major, uint minor) => _names.GetOrAdd((major, minor), device =>
    {
        var number = $"{device.Major}:{device.Minor}";
        var link = new FileInfo($"/sys/dev/block/{number}").LinkTarget;
        return link is null ? number : $"/dev/{Path.GetFileName(link)}";
    });
}
