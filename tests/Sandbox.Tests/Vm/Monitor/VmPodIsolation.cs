using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>What root in a guest, with every right there is in its kernel, reaches of the node: the pod's exports, and nothing besides.</summary>
internal static class VmPodIsolation
{
    // virtio 1.2, chapter 5: network card, block device, entropy, balloon, sockets, filesystem.
    private static readonly string[] _devices = ["0x0001", "0x0002", "0x0004", "0x0005", "0x0013", "0x001a"];

    public static async Task CheckAsync(VmPodProcess pod)
    {
        var volume = Directory.CreateDirectory(Path.Combine(pod.Scratch, "guarded")).FullName;
        File.WriteAllText(Path.Combine(volume, "secret"), "content\n");
        var spec = Root(pod, Script);
        spec = spec with { Mounts = [.. spec.Mounts, new MountSpec { Target = "/guarded", Source = new BindSource(volume), Readonly = true }] };
        using (var tree = Mounts.OpenTree(FileDescriptor.CurrentDirectory, volume, OpenTreeFlags.Clone))
        {
            Mounts.MountSetAttr(tree, MountAttributes.None, propagation: MountFlags.Private);
            await pod.CreateAsync(spec, tree);
        }

        await pod.Client.StartContainerAsync(spec.Id);
        var exit = await pod.Client.WaitAsync(spec.Id).WaitAsync(TimeSpan.FromMinutes(2));
        var lines = pod.Log(spec.Id).Select(l => l["stdout F ".Length..]).ToList();
        Assert.True(exit.ExitCode == 0, string.Join('\n', lines));
        Assert.All(Values("device"), device => Assert.Contains(device, _devices));
        Assert.Equal(Enumerable.Repeat("0", VmPodDisks.Slots), Values("disk"));
        Assert.Equal("refused refused refused content", string.Join(' ', Values("try")));
        Assert.Equal("content\n", File.ReadAllText(Path.Combine(volume, "secret")));
        await pod.Client.DeleteContainerAsync(spec.Id);

        IEnumerable<string> Values(string what) => lines.Where(l => l.StartsWith(what + " ", StringComparison.Ordinal)).Select(l => l[(what.Length + 1)..]);
    }

    /// <summary>What is read-only is so on the node's side too: the guest's own flag, its root can take away.</summary>
    private const string Script = """
        for d in /sys/bus/virtio/devices/*/device; do echo device $(cat $d); done
        for d in /sys/block/vd* /sys/block/sd*; do test -e $d && echo disk $(cat $d/size); done
        mount -o remount,bind,rw none /guarded && grep -q ' /guarded [^ ]* rw' /proc/self/mounts || exit 1
        echo x 2> /dev/null > /guarded/secret && echo try written || echo try refused
        mkdir /guarded/new 2> /dev/null && echo try made || echo try refused
        mknod /guarded/disk b 8 0 2> /dev/null && echo try made || echo try refused
        echo try $(cat /guarded/secret)
        """;

    /// <summary>With every right there is, and the devices' files.</summary>
    public static ContainerSpec Root(VmPodProcess pod, string script)
    {
        string[] all = [.. CapabilitySet.All.Numbers.Select(CapabilitySet.NameOf)];
        var spec = pod.Container("sh", "-c", script);
        return spec with
        {
            Mounts = [.. spec.Mounts, new MountSpec { Target = "/sys", Source = new KernelSource("sysfs") }],
            Process = spec.Process with { Capabilities = new CapabilitiesSpec { Bounding = all, Permitted = all, Effective = all } },
        };
    }
}
