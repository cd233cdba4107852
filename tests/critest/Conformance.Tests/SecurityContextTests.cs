using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Security Context", from "bucket" on: who a process is and what it may do.</summary>
public sealed class SecurityContextTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    // Bits of the kernel's capability sets.
    private const ulong Chown = 1 << 0;
    private const ulong NetAdmin = 1 << 12;

    [Fact]
    public async Task RunAsUser_IsTheUid()
        => Assert.Equal("1001", await Cri.ScriptAsync("id -u", c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1001 }));

    [Fact]
    public async Task RunAsUsername_IsLookedUpInTheImage()
        => Assert.Equal("1000 alice", await Cri.ScriptAsync("echo $(id -u) $(id -un)", c => c.Linux.SecurityContext.RunAsUsername = "alice"));

    [Fact]
    public async Task RunAsGroup_IsTheGid()
        => Assert.Equal("1001:1234", await Cri.ScriptAsync("echo $(id -u):$(id -g)", c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1001 };
            c.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = 1234 };
        }));

    [Fact]
    public async Task RunAsGroupWithoutUser_IsRefused()
    {
        var pod = await Cri.PodAsync();
        await CriCalls.RefusedAsync(() => Cri.CreateAsync(pod, ["true"], c => c.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = 1234 }));
    }

    [Fact]
    public async Task SupplementalGroups_AreAddedToTheImages()
        => Assert.Equal("1000 1234 50000", await GroupsAsync(SupplementalGroupsPolicy.Merge));

    [Fact]
    public async Task SupplementalGroupsPolicyStrict_TakesNoneOfTheImages()
        => Assert.Equal("1000 1234", await GroupsAsync(SupplementalGroupsPolicy.Strict));

    [Fact]
    public async Task User_IsToldInTheStatus()
    {
        var container = await Cri.RunAsync(["sleep", "1000"], c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.SupplementalGroups.Add(1234);
        });
        var user = (await Cri.StatusAsync(container)).User?.Linux;
        Assert.SkipWhen(Endpoint.IsExternal && user is null, "the runtime tells no users");
        Assert.Equal((1000, 1000), (user?.Uid, user?.Gid));
        Assert.Contains(1234, user?.SupplementalGroups ?? []);
    }

    [Fact]
    public async Task ReadOnlyRootfs_RefusesWrites()
    {
        Assert.Contains("Read-only", await Cri.ScriptAsync("touch /tmp/test", c => c.Linux.SecurityContext.ReadonlyRootfs = true), StringComparison.Ordinal);
        Assert.Equal("ok", await Cri.ScriptAsync("touch /tmp/test && echo ok"));
    }

    [Fact]
    public async Task Privileged_MayMakeDevicesAndInterfaces()
    {
        const string Bridge = "brctl addbr b 2> /dev/null || busybox ip link add b type bridge 2> /dev/null && echo ok || echo no";

        // A guest's kernel has no module for bridges.
        const string Address = "busybox ip address add 192.0.2.77/32 dev lo 2> /dev/null && echo ok || echo no";
        var script = Endpoint.IsMachine ? Address : Bridge;
        Action<PodSandboxConfig> pod = c =>
        {
            c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;
            c.Linux.SecurityContext.Privileged = true;
        };
        Assert.Equal("ok", await Cri.ScriptAsync(script, c => (c.Linux.SecurityContext.NamespaceOptions.Network, c.Linux.SecurityContext.Privileged) = (NamespaceMode.Pod, true), pod));
        Assert.Equal("no", await Cri.ScriptAsync(script, c => c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod, pod));
    }

    [Fact]
    public async Task AddedCapability_IsThere()
        => Assert.Equal(NetAdmin, await CapabilitiesAsync(c => c.AddCapabilities.Add("NET_ADMIN")) & NetAdmin);

    [Fact]
    public async Task DroppedCapability_IsNot()
    {
        Assert.Equal(Chown, await CapabilitiesAsync(_ => { }) & Chown);
        Assert.Equal(0ul, await CapabilitiesAsync(c => c.DropCapabilities.Add("CHOWN")) & Chown);
    }

    [Fact]
    public async Task AllCapabilities_MayBeAdded()
        => Assert.Equal(NetAdmin | Chown, await CapabilitiesAsync(c => c.AddCapabilities.Add("ALL")) & (NetAdmin | Chown));

    [Fact]
    public async Task AllCapabilities_MayBeDroppedAndOneAdded()
        => Assert.Equal(NetAdmin, await CapabilitiesAsync(c =>
        {
            c.DropCapabilities.Add("ALL");
            c.AddCapabilities.Add("NET_ADMIN");
        }));

    [Fact]
    public async Task MaskedPath_CannotBeUsed()
        => Assert.Equal("", await Cri.ScriptAsync("cat /etc/passwd", c => c.Linux.SecurityContext.MaskedPaths.Add("/etc/passwd")));

    [Fact]
    public async Task ReadOnlyPath_RefusesWrites()
        => Assert.Contains("Read-only", await Cri.ScriptAsync("touch /tmp/test", c => c.Linux.SecurityContext.ReadonlyPaths.Add("/tmp")), StringComparison.Ordinal);

    [Fact]
    public async Task NoNewPrivs_IsSetWhereItIsAskedFor()
    {
        const string script = "grep NoNewPrivs /proc/self/status | tr -dc 01";
        Assert.Equal("1", await Cri.ScriptAsync(script, c => c.Linux.SecurityContext.NoNewPrivs = true));
        Assert.Equal("0", await Cri.ScriptAsync(script, c => c.Linux.SecurityContext.NoNewPrivs = false));
    }

    [Fact]
    public async Task NoNewPrivs_KeepsSetuidProgramsFromHelping()
    {
        var name = $"{Endpoint.Registry.Name}/conformance/setuid:{Cri.Id}";
        Endpoint.Serve(new TestImage("setuid").Layer(tar => TestImage.Put(tar, "setuid/su", File.ReadAllBytes("/usr/bin/busybox"), 0x9ED)), "conformance/setuid", Cri.Id);
        var id = await Cri.PullAsync(name);
        Task<string> SuAsync(bool noNewPrivs) => Cri.ScriptAsync("/setuid/su < /dev/null", c =>
        {
            c.Image.Image = id;
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.NoNewPrivs = noNewPrivs;
        });
        try
        {
            Assert.Contains("must be suid", await SuAsync(noNewPrivs: true), StringComparison.Ordinal);
            Assert.Contains("incorrect password", await SuAsync(noNewPrivs: false), StringComparison.Ordinal);
        }
        finally
        {
            await Endpoint.Connect().RemoveImageAsync(name);
        }
    }

    private async Task<string> GroupsAsync(SupplementalGroupsPolicy policy) => await Cri.ScriptAsync("id -G", c =>
    {
        c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
        c.Linux.SecurityContext.SupplementalGroups.Add(1234);
        c.Linux.SecurityContext.SupplementalGroupsPolicy = policy;
    });

    private async Task<ulong> CapabilitiesAsync(Action<Capability> change)
    {
        var output = await Cri.ScriptAsync("grep CapEff /proc/self/status | cut -f2", c =>
        {
            c.Linux.SecurityContext.Capabilities = new Capability();
            change(c.Linux.SecurityContext.Capabilities);
        });
        return Convert.ToUInt64(output, 16);
    }
}
