using Crisp.Cri.V1;
using Crisp.CriServer.Cdi;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.Sandbox.Spec;
using Google.Protobuf;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

/// <summary>What the edits of CDI devices make of a specification.</summary>
public sealed class CdiEditsTests
{
    [Fact]
    public void Env_ReplacesWhatTheRequestAndTheImageSay()
    {
        var spec = Build(new CdiEdits { Env = ["A=device", "GPU=0"] }, c => c.Envs.Add(new KeyValue { Key = "GPU", Value = ByteString.CopyFromUtf8("all") }));
        Assert.Equal(["A=device", "GPU=0"], spec.Process.Env.Where(e => e[0] is 'A' or 'G'));
    }

    [Fact]
    public void AdditionalGids_JoinThoseOfTheRequestOnceAndExceptRoots()
        => Assert.Equal([7, 44], Build(new CdiEdits { AdditionalGids = [44, 0, 7, 44] }, c => c.Linux.SecurityContext.SupplementalGroups.Add(7)).Process.User.AdditionalGids);

    [Fact]
    public void DeviceNode_TakesFromTheNodeWhatItDoesNotSay()
    {
        var spec = Build(new CdiEdits { DeviceNodes = [new CdiDeviceNode("/dev/mine", "/dev/full", Permissions: "r")] });
        Assert.Equal(new DeviceSpec("/dev/mine", 'c', 1, 7, 0x1B6, 0, 0), Assert.Single(spec.Devices));
        Assert.Equal(new DeviceRuleSpec(true, 'c', 1, 7, "r"), spec.DeviceRules[^1]);
    }

    [Fact]
    public void DeviceNodeThatSaysAll_NeedsNoneOnTheNode()
    {
        var node = new CdiDeviceNode("/dev/mine", Type: "b", Major: 195, Minor: 3, FileMode: 0x1B0, Uid: 5, Gid: 6);
        var spec = Build(new CdiEdits { DeviceNodes = [node] });
        Assert.Equal(new DeviceSpec("/dev/mine", 'b', 195, 3, 0x1B0, 5, 6), Assert.Single(spec.Devices));
        Assert.Equal(new DeviceRuleSpec(true, 'b', 195, 3, "rwm"), spec.DeviceRules[^1]);
    }

    [Fact]
    public void DeviceNodesOwner_IsWhoTheContainerRunsAs()
    {
        var spec = Build(new CdiEdits { DeviceNodes = [new CdiDeviceNode("/dev/full"), new CdiDeviceNode("/dev/zero", Uid: 0, Gid: 0)] }, c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = 1001 };
        });
        Assert.Equal([(1000u, 1001u), (0u, 0u)], spec.Devices.Select(d => (d.Uid, d.Gid)));
    }

    [Fact]
    public void DeviceNode_TakesThePlaceOfTheRequestsOnTheSamePath()
    {
        var spec = Build(
            new CdiEdits { DeviceNodes = [new CdiDeviceNode("/dev/mine", "/dev/full", Permissions: "none")] },
            c => c.Devices.Add(new Device { HostPath = "/dev/zero", ContainerPath = "/dev/mine", Permissions = "r" }));
        Assert.Equal(7u, Assert.Single(spec.Devices).Minor);
        Assert.DoesNotContain(spec.DeviceRules, r => r is { Major: 1, Minor: 7, Access: not "rwm" });
    }

    [Theory]
    [InlineData("/dev/does-not-exist", "", "cannot be given to the container: ")]
    [InlineData("/etc/passwd", "", "which is no device but a Regular file")]
    [InlineData("/dev/null", "b", "is of type b, and /dev/null of the node is of type c")]
    [InlineData("/dev/null", "p", "is a FIFO")]
    public void DeviceNodeThatIsNone_IsRefused(string host, string type, string expected)
        => Assert.Contains(expected, Refused(new CdiEdits { DeviceNodes = [new CdiDeviceNode("/dev/mine", host, type)] }), StringComparison.Ordinal);

    [Fact]
    public void Mount_TakesThePlaceOfTheRequestsOnTheSamePath()
    {
        var spec = Build(
            new CdiEdits { Mounts = [new CdiMount("/usr", "/opt/device", ["ro", "nosuid", "bind", "rprivate"])] },
            c => c.Mounts.Add(new Mount { ContainerPath = "/opt/device", HostPath = "/etc" }));
        var mount = Assert.Single(spec.Mounts, m => m.Target == "/opt/device");
        Assert.Equal((new BindSource("/usr", Recursive: false), true, true, false), (mount.Source, mount.Readonly, mount.Nosuid, mount.Noexec));
    }

    [Theory]
    [InlineData("/does-not-exist", "/a", "ro", "", "which does not exist on the node")]
    [InlineData("/usr", "/a", "loop", "", "has the option \"loop\"")]
    [InlineData("/usr", "/a", "ro", "tmpfs", "is of type tmpfs")]
    [InlineData("/usr", "/proc/fs", "ro", "", "it would hide a part of /proc")]
    public void MountThatCannotBe_IsRefused(string host, string target, string option, string type, string expected)
        => Assert.Contains(expected, Refused(new CdiEdits { Mounts = [new CdiMount(host, target, [option], type)] }), StringComparison.Ordinal);

    [Fact]
    public void VirtualMachine_RefusesAnyDevice()
    {
        var input = SpecInputs.Make(sandbox: s => s with { Spec = s.Spec with { Vm = new VmSpec { Kernel = "/k", Initramfs = "/i", Vcpus = 1, MemoryBytes = 1 << 28 } } });
        var error = Assert.Throws<CriException>(() => ContainerSpecBuilder.Build(input with { Cdi = CdiInjection.None with { Devices = ["a.example/b=c"] } }));
        Assert.Contains("virtual machine cannot have the CDI device a.example/b=c", error.Message, StringComparison.Ordinal);
    }

    private static ContainerSpec Build(CdiEdits edits, Action<ContainerConfig>? change = null)
        => ContainerSpecBuilder.Build(SpecInputs.Make(change) with { Cdi = CdiInjection.None with { Edits = edits } });

    private static string Refused(CdiEdits edits) => Assert.Throws<CriException>(() => Build(edits)).Message;
}
