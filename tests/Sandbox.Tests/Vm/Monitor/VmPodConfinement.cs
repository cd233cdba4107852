using System.Globalization;
using Crisp.Linux;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>What the monitor of a pod has left while its guest runs, as the node sees it.</summary>
internal static class VmPodConfinement
{
    private const ulong DacOverride = 1UL << 1;

    // CAP_CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID, MKNOD, SETFCAP.
    private const ulong FileServer = 1UL << 0 | DacOverride | 1UL << 3 | 1UL << 4 | 1UL << 6 | 1UL << 7 | 1UL << 27 | 1UL << 31;

    /// <summary>Of a pod whose containers run and have written.</summary>
    public static void Check(int pid)
    {
        CheckThreads(pid);
        CheckRoot(pid);
        CheckDescriptors(pid);
    }

    private static void CheckThreads(int pid)
    {
        foreach (var task in Directory.GetDirectories($"/proc/{pid}/task"))
        {
            var name = File.ReadAllText($"{task}/comm").Trim();
            var status = File.ReadAllLines($"{task}/status").Select(l => l.Split('\t')).ToDictionary(l => l[0].TrimEnd(':'), l => l[^1]);
            Assert.True(status["Seccomp"] == "2" && status["NoNewPrivs"] == "1", $"The thread {name} has no filter.");
            var capabilities = ulong.Parse(status["CapPrm"], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            var allowed = name switch
            {
                "virtio-fs" => FileServer,
                _ when name.StartsWith("VirtioFs", StringComparison.Ordinal) => FileServer,
                _ when name.StartsWith("vcpu", StringComparison.Ordinal) || name.StartsWith("Virtio", StringComparison.Ordinal) => 0UL,
                _ => DacOverride,
            };
            Assert.True((capabilities & ~allowed) == 0, $"The thread {name} has the capabilities {capabilities:x}, which are more than {allowed:x}.");
        }
    }

    private static void CheckRoot(int pid)
    {
        Assert.Empty(Directory.EnumerateFileSystemEntries($"/proc/{pid}/root/"));
        Assert.Empty(Directory.EnumerateFileSystemEntries($"/proc/{pid}/cwd/"));
        Assert.Empty(File.ReadAllText($"/proc/{pid}/mountinfo"));
    }

    /// <summary>From no directory that it has open a path leads up to the node's root.</summary>
    private static void CheckDescriptors(int pid)
    {
        const int MostLevels = 40;
        var root = Files.StatusAt(FileDescriptor.CurrentDirectory, "/");
        var directories = 0;
        foreach (var link in Directory.GetFileSystemEntries($"/proc/{pid}/fd"))
        {
            Assert.NotEqual("/dev/kvm", File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName);
            if (!Directory.Exists(link))
            {
                continue;
            }

            directories++;
            using var open = Files.Open(link, OpenFlags.Path | OpenFlags.Directory);
            using var top = Files.OpenAt(open, string.Join('/', Enumerable.Repeat("..", MostLevels)), OpenFlags.Path | OpenFlags.Directory);
            var status = Files.Status(top);
            Assert.False((status.DeviceMajor, status.DeviceMinor, status.Inode) == (root.DeviceMajor, root.DeviceMinor, root.Inode), $"{new FileInfo(link).LinkTarget} ({link}) leads to the node's root.");
        }

        // The exits', the log's and the rootfs's at least.
        Assert.InRange(directories, 3, int.MaxValue);
    }
}
