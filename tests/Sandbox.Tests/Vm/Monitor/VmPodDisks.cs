using System.Text;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>Block devices of the node as disks of a machine, in containers that are added while it runs.</summary>
internal static class VmPodDisks
{
    /// <summary>How many the machine has.</summary>
    public const int Slots = 2;

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    public static async Task CheckAsync(VmPodProcess pod)
    {
        using var data = LoopDevice.Create(Path.Combine(pod.Scratch, "data"), "first\n");
        using var seed = LoopDevice.Create(Path.Combine(pod.Scratch, "seed"), "seeded\n");
        using var next = LoopDevice.Create(Path.Combine(pod.Scratch, "next"), "second\n");

        // The cgroup of these containers allows everything: that the seed stays as it is, is the node's doing.
        var writer = await pod.LaunchAsync(
            pod.Container("sh", "-c", """
                dd if=/dev/data bs=64k 2> /dev/null | wc -c; head -n 1 /dev/data; head -n 1 /dev/seed
                echo written | dd of=/dev/data bs=512 seek=8 conv=notrunc,fsync 2> /dev/null && echo w || echo -
                echo spoilt | dd of=/dev/seed conv=notrunc,fsync 2> /dev/null && echo w || echo -
                """) with { Disks = [data.Disk("/dev/data"), seed.Disk("/dev/seed", "r")] });
        var reader = await pod.LaunchAsync(pod.Container("sh", "-c", "head -n 1 /dev/also") with { Disks = [seed.Disk("/dev/also", "r")] });
        Assert.Equal($"{LoopDevice.Size} first seeded w -", await EndAsync(pod, writer));
        Assert.Equal("seeded", await EndAsync(pod, reader));
        Assert.Equal("written\n", ReadAt(pod, "data", 8 * 512, 8));
        Assert.Equal("seeded\n", ReadAt(pod, "seed", 0, 7));

        // One that has the disk open all the time sees what is in the slot, and nothing of what was.
        var holder = await pod.LaunchAsync(VmPodIsolation.Root(pod, """
            for d in /sys/block/vd*; do grep -q slot-0 $d/serial && n=$(cat $d/dev); done
            mknod /held b ${n%:*} ${n#*:} && exec 3< /held && head -n 1 /held
            until test -e /go; do sleep 0.1; done
            head -n 1 /held
            """));
        await PodProcess.UntilAsync(() => pod.Log(holder).Length > 0, "The first line");
        await pod.Client.DeleteContainerAsync(writer);
        data.Release();
        await pod.Client.DeleteContainerAsync(reader);
        seed.Release();
        var last = await pod.LaunchAsync(pod.Container("sh", "-c", "head -n 1 /dev/next") with { Disks = [next.Disk("/dev/next")] });
        Assert.Equal("second", await EndAsync(pod, last));
        Assert.Equal((0, "", ""), await pod.ExecAsync(holder, "touch", "/go"));
        Assert.Equal("first second", await EndAsync(pod, holder));
        await pod.Client.DeleteContainerAsync(holder);
        await pod.Client.DeleteContainerAsync(last);
        next.Release();
    }

    private static string ReadAt(VmPodProcess pod, string name, int offset, int length)
        => Encoding.ASCII.GetString(File.ReadAllBytes(Path.Combine(pod.Scratch, name)).AsSpan(offset, length));

    /// <returns>Its output as one line.</returns>
    private static async Task<string> EndAsync(VmPodProcess pod, string id)
    {
        await pod.WithWordsAsync(pod.Client.WaitAsync(id), _patience);
        return string.Join(' ', pod.Log(id).Select(l => l[(l.StartsWith("stdout F ", StringComparison.Ordinal) ? "stdout F ".Length : 0)..]));
    }
}
