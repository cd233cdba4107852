using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.Tests.Containers;
using Crisp.Sandbox.Spec;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Sandboxes;

/// <summary>What pods that are virtual machines cannot have, and what their containers get instead.</summary>
public sealed class VmLimitsTests
{
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
        Refused("the SELinux label ::container_t:", c => c.Linux.SecurityContext.SelinuxOptions = new SELinuxOption { Type = "container_t" });
        Refused("the SELinux label :::s0:c1,c2", c => c.Linux.SecurityContext.SelinuxOptions = new SELinuxOption { Level = "s0:c1,c2" });

        static void Refused(string what, Action<ContainerConfig> change) => AssertRefused(what, () => Build(change));
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

    private static Mount Volume(Cri.V1.MountPropagation propagation) => new() { HostPath = "/tmp", ContainerPath = "/v", Propagation = propagation };

    private static ContainerSpec Build(Action<ContainerConfig> change, bool privileged = false) => SpecInputs.Build(change, sandbox: r => r with
    {
        Privileged = privileged,
        Spec = r.Spec with { Vm = new VmSpec { Kernel = "/k", Initramfs = "/i", Vcpus = 1, MemoryBytes = 1 << 28 } },
    });

    private static void AssertRefused(string what, Action action)
    {
        var error = Assert.Throws<CriException>(action);
        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        Assert.StartsWith($"A pod that is a virtual machine cannot have {what}", error.Message, StringComparison.Ordinal);
    }
}
