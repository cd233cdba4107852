using Crisp.Cri.V1;
using Crisp.CriServer.AppArmor;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.Sandbox.Spec;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

public sealed class ContainerSecurityTests
{
    private static readonly Func<SandboxRecord, SandboxRecord> _privilegedPod = s => s with { Privileged = true };
    private static readonly Func<SandboxRecord, SandboxRecord> _userNamespace =
        s => s with { Spec = s.Spec with { UidMappings = [new IdMapSpec(0, 100000, 65536)], GidMappings = [new IdMapSpec(0, 100000, 65536)] } };

    [Fact]
    public void Capabilities_AreTheFourteenByDefaultAndNeverInheritable()
    {
        var set = SpecInputs.Build().Process.Capabilities;
        Assert.Equal(14, set.Bounding.Count);
        Assert.Equal(CapabilityNames.Default.Order(), set.Permitted.Order());
        Assert.Empty(set.Ambient);
    }

    [Theory]
    [InlineData("NET_ADMIN", "", 15)]
    [InlineData("CAP_NET_ADMIN", "CHOWN", 14)]
    [InlineData("net_admin", "ALL", 1)]
    [InlineData("ALL", "", 41)]
    [InlineData("ALL", "SYS_ADMIN", 40)]
    [InlineData("ALL", "ALL", 0)]
    [InlineData("", "all", 0)]
    public void Capabilities_AddAndDrop(string add, string drop, int count)
    {
        var set = SpecInputs.Build(c => c.Linux.SecurityContext.Capabilities = Caps(add, drop)).Process.Capabilities;
        Assert.Equal(count, set.Effective.Count);
        Assert.Equal(set.Effective, set.Bounding);
    }

    [Fact]
    public void AmbientCapabilities_AreInEverySet()
    {
        var asked = Caps("", "ALL");
        asked.AddAmbientCapabilities.Add("NET_BIND_SERVICE");
        var set = SpecInputs.Build(c => c.Linux.SecurityContext.Capabilities = asked).Process.Capabilities;
        Assert.Equal(["CAP_NET_BIND_SERVICE"], set.Ambient);
        Assert.Equal(["CAP_NET_BIND_SERVICE"], set.Permitted);
    }

    [Fact]
    public void UnknownCapability_IsRefused()
        => Assert.Equal(StatusCode.InvalidArgument, Refused(c => c.Linux.SecurityContext.Capabilities = Caps("FLY", "")).Code);

    [Fact]
    public void CapabilityThatTheDaemonLacks_IsRefusedWhenNamedAndLeftOutOfAll()
    {
        var node = new NodeFacts { Capabilities = [.. CapabilityNames.All.Where(n => n != "CAP_SYS_RESOURCE")] };
        var error = Assert.Throws<CriException>(() => SpecInputs.Build(c => c.Linux.SecurityContext.Capabilities = Caps("SYS_RESOURCE", ""), node: node));
        Assert.Equal(StatusCode.FailedPrecondition, error.Code);
        Assert.Equal(40, SpecInputs.Build(c => c.Linux.SecurityContext.Capabilities = Caps("ALL", ""), node: node).Process.Capabilities.Permitted.Count);
    }

    [Fact]
    public void Privileged_HasEverythingAndNothingMasked()
    {
        var spec = SpecInputs.Build(c => c.Linux.SecurityContext.Privileged = true, sandbox: _privilegedPod);
        Assert.Equal(41, spec.Process.Capabilities.Effective.Count);
        Assert.Empty(spec.MaskedPaths);
        Assert.Empty(spec.ReadonlyPaths);
        Assert.Equal(new DeviceRuleSpec(true, 'a', null, null, "rwm"), Assert.Single(spec.DeviceRules));
        Assert.All(spec.Mounts.Where(m => m.Target is "/sys" or "/sys/fs/cgroup"), m => Assert.False(m.Readonly));
    }

    /// <summary>The kubelet asks so for volumeDevices, whose path in the container is the pod's choice.</summary>
    [Fact]
    public void Privileged_HasTheDevicesOfTheRequestTooWhereItSays()
    {
        var spec = SpecInputs.Build(
            c =>
            {
                c.Linux.SecurityContext.Privileged = true;
                c.Devices.Add(new Device { HostPath = "/dev/zero", ContainerPath = "/dev/volume", Permissions = "rw" });
                c.Devices.Add(new Device { HostPath = "/dev/zero", ContainerPath = "/dev/tty0" });
            },
            sandbox: _privilegedPod);

        Assert.Equal((1u, 5u), Number("/dev/volume"));
        Assert.Equal((1u, 5u), Number("/dev/tty0"));
        Assert.Equal(new DeviceRuleSpec(true, 'a', null, null, "rwm"), Assert.Single(spec.DeviceRules));

        (uint Major, uint Minor) Number(string path) => Assert.Single(spec.Devices, d => d.Path == path) is var node ? (node.Major, node.Minor) : default;
    }

    [Fact]
    public void PrivilegedInAnOrdinaryPod_IsRefused() => Refused(c => c.Linux.SecurityContext.Privileged = true);

    [Fact]
    public void Paths_AreMaskedByDefaultAndAsGivenInAUserNamespace()
    {
        Assert.Contains("/proc/kcore", SpecInputs.Build().MaskedPaths);
        Assert.Contains("/proc/sys", SpecInputs.Build().ReadonlyPaths);
        Assert.Empty(SpecInputs.Build(sandbox: _userNamespace).MaskedPaths);
        var asked = SpecInputs.Build(c => c.Linux.SecurityContext.MaskedPaths.Add("/proc/x"));
        Assert.Equal(["/proc/x"], asked.MaskedPaths);
        Assert.Empty(asked.ReadonlyPaths);
    }

    [Fact]
    public void MaskedPathThatClimbs_IsRefused() => Refused(c => c.Linux.SecurityContext.MaskedPaths.Add("/proc/../etc"));

    [Theory]
    [InlineData(SecurityProfile.Types.ProfileType.RuntimeDefault)]
    [InlineData(SecurityProfile.Types.ProfileType.Localhost)]
    public void SeccompProfiles_AreRefusedWhereTheKernelHasNone(SecurityProfile.Types.ProfileType type)
    {
        var error = Assert.Throws<CriException>(() => SpecInputs.Build(
            c => c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = type, LocalhostRef = "/p" },
            node: new NodeFacts { Seccomp = false }));
        Assert.Equal(StatusCode.FailedPrecondition, error.Code);
    }

    [Fact]
    public void SeccompProfile_FollowsTheCapabilities()
    {
        var profile = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault };
        var usual = SpecInputs.Build(c => c.Linux.SecurityContext.Seccomp = profile).Process.SeccompProgram;
        var again = SpecInputs.Build(c => c.Linux.SecurityContext.Seccomp = profile).Process.SeccompProgram;
        var admin = SpecInputs.Build(c => (c.Linux.SecurityContext.Seccomp, c.Linux.SecurityContext.Capabilities) = (profile, Caps("SYS_ADMIN", ""))).Process.SeccompProgram;
        Assert.NotNull(usual);
        Assert.Same(usual, again);
        Assert.NotEqual(usual, admin);
        Assert.Null(SpecInputs.Build(
            c => (c.Linux.SecurityContext.Seccomp, c.Linux.SecurityContext.Privileged) = (profile, true), sandbox: _privilegedPod).Process.SeccompProgram);
    }

    [Fact]
    public void Unconfined_Runs()
    {
        var profile = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Unconfined };
        var spec = SpecInputs.Build(c =>
        {
            c.Linux.SecurityContext.Seccomp = profile;
            c.Linux.SecurityContext.Apparmor = profile;
        });
        Assert.Null(spec.Process.SeccompProgram);
        Assert.Null(spec.Process.ApparmorProfile);
    }

    [Fact]
    public void AppArmorProfile_WithoutAppArmor_IsRefused()
    {
        var local = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Localhost, LocalhostRef = "mine" };
        Refused(c => c.Linux.SecurityContext.Apparmor = local);
        var node = new NodeFacts { AppArmor = true, AppArmorProfiles = new AppArmorProfiles("/no/securityfs", _ => null) };
        Assert.Equal("mine", SpecInputs.Build(c => c.Linux.SecurityContext.Apparmor = local, node: node).Process.ApparmorProfile);
    }

    [Fact]
    public void SelinuxOptions_WithoutSelinux_SayNothing()
    {
        static void Labelled(ContainerConfig c) => c.Linux.SecurityContext.SelinuxOptions = new SELinuxOption { Type = "spc_t", Level = "s0:c1,c2" };
        Assert.Equal("system_u:system_r:spc_t:s0:c1,c2", SpecInputs.Build(Labelled, node: new NodeFacts { SELinux = true }).Process.SelinuxLabel);
        Assert.Null(SpecInputs.Build(Labelled, node: new NodeFacts { SELinux = false }).Process.SelinuxLabel);
    }

    private static Capability Caps(string add, string drop)
    {
        var capability = new Capability();
        capability.AddCapabilities.AddRange(add.Split(',', StringSplitOptions.RemoveEmptyEntries));
        capability.DropCapabilities.AddRange(drop.Split(',', StringSplitOptions.RemoveEmptyEntries));
        return capability;
    }

    private static CriException Refused(Action<ContainerConfig> change) => Assert.Throws<CriException>(() => SpecInputs.Build(change));
}
