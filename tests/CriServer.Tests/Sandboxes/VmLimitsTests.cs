using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.Tests.Containers;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Sandboxes;

/// <summary>What pods that are virtual machines cannot have, and what their containers get instead.</summary>
public sealed class VmLimitsTests : IDisposable
{
    // For local use (Documentation/admin-guide/devices.txt).
    private const uint Major = 240;
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void Pod_HasNothingOfTheNodesNamespaces()
    {
        VmLimits.Check(new PodSandboxConfig());
        Refused("the node's network (hostNetwork)", o => o.Network = NamespaceMode.Node);
        Refused("the node's processes (hostPID)", o => o.Pid = NamespaceMode.Node);
        Refused("the node's IPC (hostIPC)", o => o.Ipc = NamespaceMode.Node);
        Refused("a user namespace (hostUsers: false)", o => o.UsernsOptions = new UserNamespace { Mode = NamespaceMode.Pod });

        static void Refused(string what, Action<NamespaceOption> change)
        {
            var options = new NamespaceOption();
            change(options);
            var config = new PodSandboxConfig { Linux = new LinuxPodSandboxConfig { SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = options } } };
            AssertRefused(what, () => VmLimits.Check(config));
        }
    }

    [Fact]
    public void Container_HasNothingOfTheNodes()
    {
        Refused("the node's processes", c => c.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Node);
        Refused("the node's device /dev/null", c => c.Devices.Add(new Device { HostPath = "/dev/null", ContainerPath = "/dev/x", Permissions = "r" }));
        Refused("the mount on /v with mountPropagation", c => c.Mounts.Add(Volume(Cri.V1.MountPropagation.PropagationBidirectional)));
        Refused("the mount on /v with mountPropagation", c => c.Mounts.Add(Volume(Cri.V1.MountPropagation.PropagationHostToContainer)));
        Refused("the AppArmor profile mine", c => c.Linux.SecurityContext.Apparmor = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Localhost, LocalhostRef = "mine" });

        static void Refused(string what, Action<ContainerConfig> change) => AssertRefused(what, () => Build(change));
    }

    [Fact]
    public void SelinuxLabels_AreRefusedWhereTheNodeHasSelinux()
    {
        var selinux = new NodeFacts { SELinux = true };
        AssertRefused("the SELinux label ::container_t:", () => Build(c => Label(c, new SELinuxOption { Type = "container_t" }), node: selinux));
        AssertRefused("the SELinux label :::s0:c1,c2", () => Build(c => Label(c, new SELinuxOption { Level = "s0:c1,c2" }), node: selinux));
        Build(c => Label(c, new SELinuxOption { Type = "container_t" }));

        static void Label(ContainerConfig config, SELinuxOption options) => config.Linux.SecurityContext.SelinuxOptions = options;
    }

    [Theory]
    [InlineData("", "rwm", false)]
    [InlineData("mrw", "mrw", false)]
    [InlineData("r", "r", true)]
    public void BlockDevice_IsADiskOfTheMachine(string permissions, string access, bool isReadOnly)
    {
        var path = BlockDevice();
        var spec = Build(c => c.Devices.Add(new Device { HostPath = path, ContainerPath = "/dev/xvda", Permissions = permissions }));

        Assert.Empty(spec.Devices);
        Assert.DoesNotContain(spec.DeviceRules, r => r.Major == Major);
        var disk = Assert.Single(spec.Disks!);
        Assert.Equal(new DiskSpec("/dev/xvda", new BlockDeviceSource(path), access, 0x1A0, 0, 0), disk);
        Assert.Equal(isReadOnly, disk.IsReadOnly);
        Assert.Null(Build(_ => { }).Disks);
    }

    [Fact]
    public void PrivilegedContainer_HasTheBlockDevicesThatItAsksFor()
    {
        var path = BlockDevice();
        var spec = Build(
            c =>
            {
                c.Linux.SecurityContext.Privileged = true;
                c.Devices.Add(Device(path));
            },
            privileged: true);
        Assert.Equal(path, Assert.Single(spec.Disks!).Path);
    }

    [Fact]
    public void MoreBlockDevicesThanTheMachineHasSlots_AreRefused()
    {
        var path = BlockDevice();
        AssertRefused($"the block device {path}: its machine was made for 2 at once", () => Build(c => c.Devices.Add([Device(path), Device(path), Device(path)])));
    }

    [Fact]
    public void WhatIsNoBlockDevice_IsNoDisk()
    {
        var (file, link) = (Path.Combine(_directory.Path, "file"), Path.Combine(_directory.Path, "link"));
        File.WriteAllText(file, "");
        File.CreateSymbolicLink(link, "/dev/null");
        foreach (var path in (string[])[file, link, _directory.Path])
        {
            AssertRefused($"the node's device {path}", () => Build(c => c.Devices.Add(Device(path))));
        }

        var missing = Assert.Throws<CriException>(() => Build(c => c.Devices.Add(Device(Path.Combine(_directory.Path, "none")))));
        Assert.Equal((StatusCode.InvalidArgument, true), (missing.Code, missing.Message.Contains("ENOENT", StringComparison.Ordinal)));

        // One that was a block device when the request was checked.
        var changed = BlockDevice();
        var disk = Assert.Single(Build(c => c.Devices.Add(Device(changed))).Disks!);
        File.Delete(changed);
        File.CreateSymbolicLink(changed, "/dev/zero");
        AssertRefused($"the node's device {changed}", () => DiskDevices.Open(disk));
    }

    [Fact]
    public void PrivilegedContainer_HasNoDeviceOfTheNodes()
    {
        var spec = Build(c => c.Linux.SecurityContext.Privileged = true, privileged: true);

        Assert.Empty(spec.Devices);
        Assert.Equal(new DeviceRuleSpec(true, 'a', null, null, "rwm"), Assert.Single(spec.DeviceRules));
    }

    [Fact]
    public void SharedMemory_IsTheGuests()
        => Assert.IsType<SharedMemorySource>(Build(_ => { }).Mounts.Single(m => m.Target == "/dev/shm").Source);

    /// <summary>A device that no driver has, which nobody opens.</summary>
    private string BlockDevice()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Device nodes need root.");
        var path = Path.Combine(_directory.Path, "disk");
        Files.MknodAt(FileDescriptor.CurrentDirectory, path, FileType.BlockDevice, 0x1A0, Major, 9);
        return path;
    }

    private static Device Device(string path) => new() { HostPath = path };

    private static Mount Volume(Cri.V1.MountPropagation propagation) => new() { HostPath = "/tmp", ContainerPath = "/v", Propagation = propagation };

    private static ContainerSpec Build(Action<ContainerConfig> change, bool privileged = false, NodeFacts? node = null) => SpecInputs.Build(change, node: node, sandbox: r => r with
    {
        Privileged = privileged,
        Spec = r.Spec with { Vm = new VmSpec { Kernel = "/k", Initramfs = "/i", Vcpus = 1, MemoryBytes = 1 << 28, DiskSlots = 2 } },
    });

    public void Dispose() => _directory.Dispose();

    private static void AssertRefused(string what, Action action)
    {
        var error = Assert.Throws<CriException>(action);
        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        Assert.StartsWith($"A pod that is a virtual machine cannot have {what}", error.Message, StringComparison.Ordinal);
    }
}
