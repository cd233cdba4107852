using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>Block devices of the node as disks of a VM pod's containers, from the monitor to the container's device node.</summary>
public sealed class DiskTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<LoopDevice> _devices = [];

    [Fact]
    public async Task Disk_IsADeviceOfTheContainer_AndGoesWithIt()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var (data, seed) = (Device("data"), Device("seed", "seeded\n"));
        var script = """
            head -n 1 /dev/seed; stat -c '%a %u %g' /dev/disks/data
            echo written | dd of=/dev/disks/data conv=notrunc,fsync && echo w || echo -
            echo refused > /dev/seed || echo no
            """;
        var spec = Container(pod, script, data.Disk("/dev/disks/data") with { Mode = 0x1B6, Uid = 1000, Gid = 6 }, seed.Disk("/dev/seed", "r"));
        await CreateAsync(pod, spec);
        Assert.Equal([false, true], pod.Guest.Disks.OrderBy(d => d.Key).Select(d => d.Value.IsReadOnly));
        await pod.Client.StartContainerAsync(spec.Id);
        var exit = await pod.Client.WaitAsync(spec.Id).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(0, exit.ExitCode);
        Assert.Equal(["seeded", "666 1000 6", "w", "no"], pod.Log(spec.Id).Where(l => l.StartsWith("stdout", StringComparison.Ordinal)).Select(l => l["stdout F ".Length..]));
        await pod.Client.DeleteContainerAsync(spec.Id);
        Assert.Empty(pod.Guest.Disks);
        data.Release();
        seed.Release();
        Assert.StartsWith("written\n", File.ReadAllText(Backing("data")), StringComparison.Ordinal);
        Assert.StartsWith("seeded\n", File.ReadAllText(Backing("seed")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Containers_ShareADevicesSlot_WhichWritesWhenOneOfThemMay()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var device = Device("data");
        var reader = await CreateAsync(pod, Container(pod, "true", device.Disk("/dev/r", "r")));
        Assert.True(Assert.Single(pod.Guest.Disks).Value.IsReadOnly);
        var writer = await CreateAsync(pod, Container(pod, "true", device.Disk("/dev/w"), device.Disk("/dev/also", "r")));
        Assert.False(Assert.Single(pod.Guest.Disks).Value.IsReadOnly);
        var last = await CreateAsync(pod, Container(pod, "true", device.Disk("/dev/r", "r")));
        Assert.False(Assert.Single(pod.Guest.Disks).Value.IsReadOnly);
        await pod.Client.DeleteContainerAsync(reader);
        await pod.Client.DeleteContainerAsync(writer);
        Assert.Single(pod.Guest.Disks);
        await pod.Client.DeleteContainerAsync(last);
        Assert.Empty(pod.Guest.Disks);
        device.Release();
    }

    [Fact]
    public async Task Disk_ThatCannotBeIsRefused_AndNothingOfTheContainerStays()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var (one, two, three) = (Device("one"), Device("two"), Device("three"));
        var first = await CreateAsync(pod, Container(pod, "true", one.Disk("/dev/one")));
        await RefusedAsync(RpcCode.ResourceExhausted, "was made for 2 block devices at once", two.Disk("/dev/two"), three.Disk("/dev/three"));
        await RefusedAsync(RpcCode.InvalidArgument, "/dev/null is no block device.", new DiskSpec("/dev/x", new BlockDeviceSource("/dev/null"), "rwm", 0x1B6, 0, 0));
        File.WriteAllText(Backing("empty"), "");
        var empty = LoopDevice.Create(Backing("empty"));
        _devices.Add(empty);
        await RefusedAsync(RpcCode.FailedPrecondition, $"The block device {empty.Path} has no size", empty.Disk("/dev/x"));

        // The slot that was taken for a moment is free.
        var second = await CreateAsync(pod, Container(pod, "true", two.Disk("/dev/two")));
        Assert.Equal(2, pod.Guest.Disks.Count);
        await pod.Client.DeleteContainerAsync(first);
        await pod.Client.DeleteContainerAsync(second);

        async Task RefusedAsync(RpcCode code, string sentence, params DiskSpec[] disks)
        {
            var error = await Assert.ThrowsAsync<SandboxException>(() => CreateAsync(pod, Container(pod, "true", disks)));
            Assert.Equal(code, error.Code);
            Assert.Contains(sentence, error.Message, StringComparison.Ordinal);
            Assert.Single(pod.Guest.Disks);
        }
    }

    [Fact]
    public async Task PodsEnd_LetsGoOfItsDisks()
    {
        var device = Device("data");
        await using (var pod = await MonitoredPod.StartAsync())
        {
            var id = await CreateAsync(pod, Container(pod, "sleep 1000", device.Disk("/dev/data")));
            await pod.Client.StartContainerAsync(id);
        }

        device.Release();
    }

    [Fact]
    public async Task PodOfNamespaces_HasNone()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = pod.Container("true");
        spec = spec with { Disks = [new DiskSpec("/dev/x", new SlotSource("crisp-slot-0", 1), "rwm", 0x1B6, 0, 0)] };
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.CreateAsync(spec));
        Assert.Equal((RpcCode.InvalidArgument, true), (error.Code, error.Message.Contains("which only a virtual machine has", StringComparison.Ordinal)));
    }

    public void Dispose()
    {
        _devices.ForEach(d => d.Dispose());
        _directory.Dispose();
    }

    /// <summary>With access to no block device but its disks.</summary>
    private static ContainerSpec Container(MonitoredPod pod, string script, params DiskSpec[] disks) => pod.Container("sh", "-c", script) with
    {
        Disks = disks,
        DeviceRules = [new DeviceRuleSpec(false, 'a', null, null, "rwm"), new DeviceRuleSpec(true, 'c', null, null, "rwm"), new DeviceRuleSpec(true, 'b', null, null, "m")],
    };

    private static async Task<string> CreateAsync(MonitoredPod pod, ContainerSpec spec) => (await pod.CreateAsync(spec)).Id;

    private string Backing(string name) => _directory.File(name);

    private LoopDevice Device(string name, string content = "")
    {
        TestPod.Require();
        var device = LoopDevice.Create(Backing(name), content);
        _devices.Add(device);
        return device;
    }
}
