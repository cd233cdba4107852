using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>CRI's security context, as programs in a container see it.</summary>
public sealed class SecurityContextTests(PodNode node) : IClassFixture<PodNode>
{
    [Theory]
    [InlineData("", "", "00000000a80425fb")]
    [InlineData("NET_ADMIN", "ALL", "0000000000001000")]
    [InlineData("", "ALL", "0000000000000000")]
    [InlineData("", "CHOWN,NET_RAW", "00000000a80405fa")]
    public async Task Capabilities_AreAddedAndDropped(string add, string drop, string expected)
    {
        var (_, output) = await RunAsync("grep -E '^Cap(Eff|Bnd|Inh):' /proc/self/status", c => c.Linux.SecurityContext.Capabilities = new Capability
        {
            AddCapabilities = { add.Split(',', StringSplitOptions.RemoveEmptyEntries) },
            DropCapabilities = { drop.Split(',', StringSplitOptions.RemoveEmptyEntries) },
        });
        Assert.Equal($"CapInh:\t0000000000000000\nCapEff:\t{expected}\nCapBnd:\t{expected}", output);
    }

    [Fact]
    public async Task AmbientCapabilities_AreHadByAUsersProgram()
    {
        var (_, output) = await RunAsync("grep -E '^Cap(Eff|Amb):' /proc/self/status", c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.Capabilities = new Capability { DropCapabilities = { "ALL" }, AddAmbientCapabilities = { "NET_BIND_SERVICE" } };
        });
        Assert.Equal("CapEff:\t0000000000000400\nCapAmb:\t0000000000000400", output);
    }

    [Theory]
    [InlineData(SupplementalGroupsPolicy.Merge, "1000 1000 1234 50000")]
    [InlineData(SupplementalGroupsPolicy.Strict, "1000 1000 1234")]
    public async Task Groups_FollowThePolicyAndAreReported(SupplementalGroupsPolicy policy, string expected)
    {
        var (status, output) = await RunAsync("echo $(id -u) $(id -G)", c =>
        {
            c.Linux.SecurityContext.RunAsUsername = "alice";
            c.Linux.SecurityContext.SupplementalGroups.Add(1234);
            c.Linux.SecurityContext.SupplementalGroupsPolicy = policy;
        });
        Assert.Equal(expected, output);
        var user = status.User.Linux;
        Assert.Equal(expected, string.Join(' ', [user.Uid, .. user.SupplementalGroups.Order()]));
        Assert.Equal(1000, user.Gid);
    }

    [Fact]
    public async Task ReadonlyRootfs_TakesNothing()
    {
        var (_, output) = await RunAsync("touch /x 2>&1; touch /dev/shm/x && echo fine", c => c.Linux.SecurityContext.ReadonlyRootfs = true);
        Assert.Equal("touch: /x: Read-only file system\nfine", output);
    }

    [Fact]
    public async Task Paths_AreMaskedAndReadOnlyAsAsked()
    {
        var (_, output) = await RunAsync("cat /etc/passwd; ls /home; touch /var/x 2>&1", c =>
        {
            c.Linux.SecurityContext.MaskedPaths.AddRange(["/etc/passwd", "/home", "/no/such"]);
            c.Linux.SecurityContext.ReadonlyPaths.Add("/var");
        });
        Assert.Equal("touch: /var/x: Read-only file system", output);
    }

    [Fact]
    public async Task Privileged_SeesTheNodesDevicesUnfiltered()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(c => c.Linux.SecurityContext.Privileged = true);
        var (_, output) = await node.OutputAsync(
            pod,
            ["sh", "-c", "grep -E '^(Seccomp|CapEff):' /proc/self/status; grep -c ' /proc/kcore ' /proc/self/mountinfo; mkdir /tmp/m && mount -t tmpfs t /tmp/m && echo mounted"],
            c => (c.Linux.SecurityContext.Privileged, c.Linux.SecurityContext.Seccomp) =
                (true, new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault }));
        var own = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("CapBnd:", StringComparison.Ordinal)).Split('\t')[1];
        Assert.Equal($"CapEff:\t{own}\nSeccomp:\t0\n0\nmounted", output);
    }

    [Theory]
    [InlineData("rw", "read,write")]
    [InlineData("r", "read")]
    [InlineData("w", "write")]
    public async Task Device_MayBeUsedAsAskedAlone(string permissions, string expected)
    {
        Assert.SkipUnless(File.Exists("/dev/fuse"), "needs a device that containers do not have: /dev/fuse");
        const string Script = "for d in mine theirs; do (: < /dev/$d) && echo $d read; (: > /dev/$d) && echo $d write; done";
        var (_, output) = await RunAsync($"busybox mknod /dev/theirs c 10 234; ({Script}) 2>/dev/null", c => c.Devices.Add(
            new Device { HostPath = "/dev/fuse", ContainerPath = "/dev/mine", Permissions = permissions }));
        Assert.Equal(string.Join('\n', expected.Split(',').Select(e => $"mine {e}")), output);
    }

    [Fact]
    public async Task Sysctl_OfThePodIsSet()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync(c => c.Linux.Sysctls["kernel.shm_rmid_forced"] = "1");
        var (_, output) = await node.OutputAsync(pod, ["cat", "/proc/sys/kernel/shm_rmid_forced"]);
        Assert.Equal("1", output);
    }

    [Fact]
    public async Task StopSignal_OfTheImageIsSentAndReported()
    {
        PodNode.Require();
        var image = new TestImage("localhost/crisp/stop-signal:1").With("StopSignal", "SIGUSR1");
        await node.ImportAsync(image);
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(
            pod, ["sh", "-c", "trap 'exit 5' USR1; echo ready; while :; do sleep 0.05; done"], c => c.Image.Image = image.Name);
        Assert.Equal(Signal.Sigusr1, (await node.StatusAsync(container)).StopSignal);
        while (PodNode.Log(await node.StatusAsync(container)).Length == 0)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        await node.StopAsync(container, timeout: 20);
        Assert.Equal(5, (await node.EndAsync(container)).ExitCode);
    }

    [Fact]
    public async Task TargetPid_IsTheOtherContainers()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var target = await node.SleeperAsync(pod);
        var (_, output) = await node.OutputAsync(pod, ["sh", "-c", "tr '\\0' ' ' < /proc/1/cmdline"], Join);
        Assert.Equal("sleep 1000 ", output);
        await node.StopAsync(target);
        await node.EndAsync(target);
        var (code, message) = await PodNode.RefusedAsync(() => node.CreateAsync(pod, ["true"], Join));
        Assert.Equal(StatusCode.FailedPrecondition, code);
        Assert.Contains(target, message, StringComparison.Ordinal);

        void Join(ContainerConfig c)
        {
            c.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Target;
            c.Linux.SecurityContext.NamespaceOptions.TargetId = target;
        }
    }

    [Fact]
    public async Task UserNamespace_OnTheNodesNetwork_IsUnmaskedWhereItIsAskedTo()
    {
        PodNode.Require();
        var options = new UserNamespace
        {
            Mode = NamespaceMode.Pod,
            Uids = { new IDMapping { ContainerId = 0, HostId = 100000, Length = 65536 } },
            Gids = { new IDMapping { ContainerId = 0, HostId = 100000, Length = 65536 } },
        };
        var pod = await node.RunPodAsync(c => c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = options);
        var (_, output) = await node.OutputAsync(
            pod,
            ["sh", "-c", "echo $(cat /proc/self/uid_map); grep -c ' /proc/[a-z]' /proc/self/mountinfo; readlink /proc/self/ns/net"],
            c => c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = options);
        Assert.Equal($"0 100000 65536\n0\n{new FileInfo("/proc/self/ns/net").LinkTarget}", output);
    }

    [Fact]
    public async Task SelinuxOptionsWithoutSelinux_SayNothing()
    {
        Assert.SkipWhen(File.Exists("/sys/fs/selinux/enforce"), "SELinux is on");
        var (_, output) = await RunAsync("echo runs", c => c.Linux.SecurityContext.SelinuxOptions = new SELinuxOption { Type = "spc_t" });
        Assert.Equal("runs", output);
    }

    private async Task<(ContainerStatus Status, string Output)> RunAsync(string script, Action<ContainerConfig> change)
    {
        PodNode.Require();
        return await node.OutputAsync(await node.RunPodAsync(), ["sh", "-c", script], change);
    }
}
