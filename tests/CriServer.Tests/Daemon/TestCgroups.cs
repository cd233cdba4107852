using System.Diagnostics;

namespace Crisp.CriServer.Tests.Daemon;

/// <summary>The cgroup driver of the tests' daemons: cgroupfs, or what CRISP_TEST_CGROUP_DRIVER says.</summary>
internal static class TestCgroups
{
    internal static bool IsSystemd { get; } = Environment.GetEnvironmentVariable("CRISP_TEST_CGROUP_DRIVER") == "systemd";

    /// <summary>A cgroup parent of that name: a slice without slices around it, where the driver has slices.</summary>
    internal static string Parent(string name) => IsSystemd ? name.Replace('-', '_') + ".slice" : name;

    /// <summary>Of crisp serve.</summary>
    internal static IEnumerable<string> Arguments(string parent)
        => ["--cgroup-driver", IsSystemd ? "systemd" : "cgroupfs", "--cgroup-parent", Parent(parent)];

    /// <summary>Ends a slice that was a parent of pods, which is the kubelet's in real life.</summary>
    internal static void StopSlice(string parent)
    {
        if (IsSystemd)
        {
            using var stop = Process.Start("systemctl", ["stop", parent]);
            stop.WaitForExit();
        }
    }
}
