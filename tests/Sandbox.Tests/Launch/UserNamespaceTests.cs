using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>Containers of a pod with a user namespace.</summary>
public sealed class UserNamespaceTests : IDisposable
{
    private readonly LaunchFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Root_IsRootInsideAndNobodyOutside()
    {
        using var container = _fixture.Start(
            Specs.Container("id; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; touch /made; sleep 1000"), _fixture.Pod(Specs.UserPod));
        Assert.Equal("uid=0(root) gid=0(root) groups=0(root)", container.ReadLine());
        Assert.Equal("0 200000 65536", string.Join(' ', container.ReadLine().Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal("0 200000 65536", string.Join(' ', container.ReadLine().Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal("allow", container.ReadLine());

        var status = Probe.Status(File.ReadAllText($"/proc/{container.Pid}/status"));
        Assert.Equal("200000 200000 200000 200000", status["Uid"]);
        Assert.Equal("200000", status["Groups"]);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(_fixture.Root("made")), LaunchFixture.Deadline));

        // The rootfs is id-mapped, as the daemon's is.
        using var made = Files.Open(_fixture.Root("made"), OpenFlags.Path);
        Assert.Equal((0U, 0U), (Files.Status(made).Uid, Files.Status(made).Gid));
    }

    [Fact]
    public void Dev_BelongsToThePodsRootAndWorks()
    {
        var spec = Specs.Container(
            "stat -c '%n %F %U:%G %a' /dev /dev/* /dev/deep/* | sort; echo x > /dev/null && head -c 2 /dev/urandom | wc -c; mknod /tmp/n c 1 3; touch /dev/shm/x && echo shm")
            with
        {
            Devices = [new DeviceSpec("/dev/deep/loop9", 'b', 7, 9, 0x1A0, 0, 6), new DeviceSpec("/dev/fuse", 'c', 10, 229, 0x1B6, 0, 100000)],
        };
        var output = _fixture.Run(spec, _fixture.Pod(Specs.UserPod));

        Assert.Contains("/dev directory root:root 755\n", output);
        Assert.Contains("/dev/deep directory root:root 755\n", output);
        Assert.Contains("/dev/deep/loop9 block special file root:UNKNOWN 640\n", output);
        Assert.Contains("/dev/fuse character special file root:root 666\n", output);
        foreach (var name in new[] { "null", "zero", "full", "random", "urandom", "tty" })
        {
            Assert.Contains($"/dev/{name} character special file root:root 666\n", output);
        }

        Assert.Contains("/dev/fd symbolic link root:root 777\n", output);
        Assert.DoesNotContain("nobody", output);
        Assert.Contains("2\nmknod: /tmp/n: Operation not permitted\nshm\n", output);
    }

    [Fact]
    public void Capabilities_AreOfTheUserNamespaceAlone()
    {
        var all = CapabilitySet.All.Numbers.Select(CapabilitySet.NameOf).ToList();
        var spec = Specs.Container("grep -E '^Cap(Eff|Bnd)' /proc/self/status; hostname changed && hostname; date -s 2000-01-01 2>&1 >/dev/null; mount -t tmpfs none /tmp && echo mounted")
            .With(p => p with { Capabilities = new CapabilitiesSpec { Bounding = all, Permitted = all, Effective = all } });
        var output = _fixture.Run(spec, _fixture.Pod(Specs.UserPod));

        Assert.Equal("CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\nchanged\ndate: can't set date: Operation not permitted\nmounted\n", output);
    }

    [Fact]
    public void Limits_AreSet()
    {
        var (_, hard) = Linux.Processes.GetRlimit(7);
        var spec = Specs.Container("ulimit -n; ulimit -Hn").With(p => p with { Rlimits = [new RlimitSpec("RLIMIT_NOFILE", 16, 24)] });

        Assert.Equal("16\n24\n", _fixture.Run(spec, _fixture.Pod(Specs.UserPod)));
        spec = spec.With(p => p with { Rlimits = [new RlimitSpec("RLIMIT_NOFILE", hard, hard)] });
        Assert.Equal($"{hard}\n{hard}\n", _fixture.Run(spec, _fixture.Pod(Specs.UserPod)));
    }

    [Fact]
    public void Limits_AboveThoseOfThisProcess_AreRaisedByTheNode()
    {
        Assert.SkipUnless(Linux.Processes.IsInBoundingSet(24) == true, "needs CAP_SYS_RESOURCE");
        var (_, hard) = Linux.Processes.GetRlimit(7);
        var spec = Specs.Container("ulimit -n; ulimit -Hn").With(p => p with { Rlimits = [new RlimitSpec("RLIMIT_NOFILE", hard + 1, hard + 1)] });
        Assert.Equal($"{hard + 1}\n{hard + 1}\n", _fixture.Run(spec, _fixture.Pod(Specs.UserPod)));
    }

    [Fact]
    public void User_HasItsStreamsAndGroups()
    {
        var spec = Specs.Container("id; echo $HOME").With(p => p with { User = new UserSpec { User = "app", AdditionalGids = [70] } });

        Assert.Equal("uid=1000(app) gid=1001(app) groups=29(audio),70,1001(app)\n/home/app\n", _fixture.Run(spec, _fixture.Pod(Specs.UserPod)));
    }

    [Theory]
    [InlineData("70000", "The user 70000 does not exist in the pod's user namespace")]
    [InlineData("0:70000", "The group 70000 does not exist in the pod's user namespace")]
    public void User_ThatIsNotMapped_IsRefusedByName(string user, string message)
    {
        var spec = Specs.Container("true").With(p => p with { User = new UserSpec { User = user } });

        var error = Assert.Throws<SandboxException>(() => _fixture.Start(spec, _fixture.Pod(Specs.UserPod)));

        Assert.Equal(RpcCode.InvalidArgument, error.Code);
        Assert.StartsWith(message, error.Message);
    }

    [Fact]
    public void SmallMap_WithoutTtyGroupAndNobody_Works()
    {
        IReadOnlyList<IdMapSpec> map = [new(0, 200000, 1)];
        var pod = _fixture.Pod(Specs.UserPod with { UidMappings = map, GidMappings = map, SharedPidNamespace = true });
        File.Delete(_fixture.Root("etc/group"));
        var spec = Specs.Container("id -u; stat -c %g /dev/pts/ptmx; cat /proc/1/comm") with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Pod } };

        Assert.Equal("0\n0\ncrisp-reaper\n", _fixture.Run(spec, pod));
    }

    [Fact]
    public void SeveralMaps_AreAllWritten()
    {
        IReadOnlyList<IdMapSpec> map = [new(0, 200000, 1000), new(1000, 300000, 10)];
        var spec = Specs.Container("id -u; sed 's/  */ /g' /proc/self/uid_map").With(p => p with { User = new UserSpec { User = "1005" } });

        Assert.Equal("1005\n 0 200000 1000\n 1000 300000 10\n", _fixture.Run(spec, _fixture.Pod(Specs.UserPod with { UidMappings = map, GidMappings = map })));
    }

    [Fact]
    public void MapOfUsersAlone_IsRefused()
    {
        Assert.Equal(RpcCode.InvalidArgument, Assert.Throws<SandboxException>(() => _fixture.Pod(Specs.UserPod with { GidMappings = [] })).Code);
    }
}
