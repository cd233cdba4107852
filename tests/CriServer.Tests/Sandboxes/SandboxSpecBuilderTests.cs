using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Sandboxes;
using Crisp.Sandbox.Spec;
using Grpc.Core;
using Xunit;
using CgroupDriver = Crisp.Cgroups.CgroupDriver;

namespace Crisp.CriServer.Tests.Sandboxes;

public sealed class SandboxSpecBuilderTests
{
    [Fact]
    public void Pod_OnTheNodesNetworkRuns()
    {
        var spec = Build(_ => { });
        Assert.False(spec.NetworkNamespace);
        Assert.False(spec.UtsNamespace);
        Assert.True(spec.IpcNamespace);
        Assert.True(spec.SharedPidNamespace);
        Assert.Equal("crisp/crisp-id", spec.CgroupPath);
    }

    [Fact]
    public void Pod_WithANetworkOfItsOwnHasItsOwnHostname()
    {
        var spec = Build(c =>
        {
            Options(c).Network = NamespaceMode.Pod;
            c.Hostname = "web-0";
        });
        Assert.True(spec.NetworkNamespace);
        Assert.True(spec.UtsNamespace);
        Assert.Equal("web-0", spec.Hostname);
    }

    [Theory]
    [InlineData("/kubepods/burstable/podx", "kubepods/burstable/podx/crisp-id")]
    [InlineData("", "crisp/crisp-id")]
    [InlineData("a//b/", "a/b/crisp-id")]
    public void CgroupParent_IsHonoured(string parent, string expected) => Assert.Equal(expected, Build(c => c.Linux.CgroupParent = parent).CgroupPath);

    [Theory]
    [InlineData("/a/../b")]
    [InlineData("a\nb")]
    [InlineData("kubepods-besteffort.slice")]
    public void CgroupParentThatCannotBe_IsRefused(string parent) => Assert.Throws<CriException>(() => Build(c => c.Linux.CgroupParent = parent));

    [Theory]
    [InlineData("/kubepods.slice/kubepods-podx.slice", "kubepods.slice/kubepods-podx.slice/crisp-id.scope/pod")]
    [InlineData("kubepods-podx.slice", "kubepods.slice/kubepods-podx.slice/crisp-id.scope/pod")]
    [InlineData("", "crisp.slice/crisp-id.scope/pod")]
    public void Slice_HoldsThePodsScope(string parent, string expected)
        => Assert.Equal(expected, Build(c => c.Linux.CgroupParent = parent, CgroupDriver.Systemd).CgroupPath);

    [Theory]
    [InlineData("/kubepods/podx", StatusCode.FailedPrecondition, "is not a slice, and this node uses the systemd cgroup driver")]
    [InlineData("/other/kubepods.slice", StatusCode.InvalidArgument, "systemd has kubepods.slice at /kubepods.slice")]
    [InlineData("a--b.slice", StatusCode.InvalidArgument, "a name in it is empty")]
    public void ParentThatIsNoSlice_IsRefusedBySystemdsDriver(string parent, StatusCode code, string reason)
    {
        var error = Assert.Throws<CriException>(() => Build(c => c.Linux.CgroupParent = parent, CgroupDriver.Systemd));
        Assert.Equal(code, error.Code);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Scope_IsFoundByThePodsCgroup()
    {
        var scope = PodScope.Of(Cgroups.CgroupPath.Parse("kubepods.slice/kubepods-podx.slice/crisp-id.scope/pod"))!;
        Assert.Equal(("crisp-id.scope", "kubepods-podx.slice"), (scope.UnitName, scope.Slice.Name));
        Assert.Equal(PodScope.In(scope.Slice, "id"), scope);
        Assert.Equal("id", PodScope.SandboxOf(scope.UnitName));
    }

    [Theory]
    [InlineData("kubepods/podx/crisp-id")]
    [InlineData("pod")]
    [InlineData("crisp-id.scope/pod")]
    [InlineData("a.slice/other-id.scope/pod")]
    public void CgroupOfOtherPods_IsInNoScope(string path) => Assert.Null(PodScope.Of(Cgroups.CgroupPath.Parse(path)));

    [Theory]
    [InlineData("kernel.core_pattern", "x")]
    [InlineData("kernel.shm_rmid_forced+kernel/core_pattern", "1")]
    [InlineData("net.ipv4.ip_forward", "1")]
    [InlineData("fs.mqueue.msg_max", "1\n2")]
    [InlineData("fs.mqueue./../../kernel/core_pattern", "1")]
    public void SysctlOfTheNode_IsRefused(string name, string value) => Assert.Throws<CriException>(() => Build(c => c.Linux.Sysctls[name] = value));

    [Fact]
    public void SysctlOfThePod_IsTaken()
    {
        Assert.Equal("1", Build(c => c.Linux.Sysctls["kernel.shm_rmid_forced"] = "1").Sysctls["kernel.shm_rmid_forced"]);
        Assert.Throws<CriException>(() => Build(c =>
        {
            Options(c).Ipc = NamespaceMode.Node;
            c.Linux.Sysctls["kernel.shm_rmid_forced"] = "1";
        }));
    }

    [Theory]
    [InlineData("0:100000:65536", "0:100000:65536", true)]
    [InlineData("", "", false)]
    [InlineData("0:100000:65536", "", false)]
    [InlineData("0:100000:65536,65536:200000:1", "0:100000:65536", false)]
    [InlineData("1:100000:65536", "0:100000:65536", false)]
    [InlineData("0:100000:65536", "0:100000:65535", false)]
    [InlineData("0:100000:0", "0:100000:0", false)]
    [InlineData("0:4294967295:2", "0:4294967295:2", false)]
    public void UserNamespace_HasOneMappingEachWithRootInIt(string uids, string gids, bool good)
    {
        var error = Record.Exception(() => Assert.Equal(
            new IdMapSpec(0, 100000, 65536), Assert.Single(Build(c => Options(c).UsernsOptions = UserNs(NamespaceMode.Pod, uids, gids)).UidMappings)));
        Assert.Equal(good, error is null);
    }

    [Theory]
    [InlineData(NamespaceMode.Container)]
    [InlineData(NamespaceMode.Target)]
    public void UserNamespaceOfAnotherMode_IsRefused(NamespaceMode mode)
        => Assert.Throws<CriException>(() => Build(c => Options(c).UsernsOptions = UserNs(mode, "0:1:1", "0:1:1")));

    [Fact]
    public void UserNamespaceOfTheNode_HasNoMappings()
    {
        Assert.Empty(Build(c => Options(c).UsernsOptions = UserNs(NamespaceMode.Node, "", "")).UidMappings);
        Assert.Throws<CriException>(() => Build(c => Options(c).UsernsOptions = UserNs(NamespaceMode.Node, "0:1:1", "0:1:1")));
    }

    [Fact]
    public void UnknownHandler_IsRefused()
    {
        var handlers = new RuntimeHandlers(new CrispConfig());
        Assert.Null(handlers.MachineOf(""));
        Assert.Null(handlers.MachineOf("crisp"));
        Assert.Equal("kvm", handlers.MachineOf("kvm")!.Name);
        Assert.Equal(StatusCode.InvalidArgument, Assert.Throws<CriException>(() => handlers.Require("kata")).Code);
    }

    [Fact]
    public void ResolvConf_IsAsResolvConf5HasIt()
    {
        var dns = new DNSConfig();
        dns.Servers.AddRange(["10.0.0.10", "fd00::10"]);
        dns.Searches.AddRange(["a.svc", "svc"]);
        dns.Options.Add("ndots:5");
        Assert.Equal("search a.svc svc\nnameserver 10.0.0.10\nnameserver fd00::10\noptions ndots:5\n", SandboxFiles.Format(dns));
    }

    private static NamespaceOption Options(PodSandboxConfig config) => config.Linux.SecurityContext.NamespaceOptions;

    private static UserNamespace UserNs(NamespaceMode mode, string uids, string gids)
    {
        var options = new UserNamespace { Mode = mode };
        options.Uids.AddRange(Maps(uids));
        options.Gids.AddRange(Maps(gids));
        return options;
    }

    private static IEnumerable<IDMapping> Maps(string text) =>
        from map in text.Split(',', StringSplitOptions.RemoveEmptyEntries)
        let parts = map.Split(':').Select(uint.Parse).ToArray()
        select new IDMapping { ContainerId = parts[0], HostId = parts[1], Length = parts[2] };

    private static SandboxSpec Build(Action<PodSandboxConfig> change, CgroupDriver driver = CgroupDriver.Cgroupfs)
    {
        var config = new PodSandboxConfig
        {
            Linux = new LinuxPodSandboxConfig
            {
                SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = new NamespaceOption { Network = NamespaceMode.Node } },
            },
        };
        change(config);
        return SandboxSpecBuilder.Build("id", config, driver == CgroupDriver.Systemd ? "crisp.slice" : "crisp", driver);
    }
}
