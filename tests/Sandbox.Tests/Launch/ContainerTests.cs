using System.Globalization;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>What a container's process sees of an ordinary pod.</summary>
public sealed class ContainerTests : IDisposable
{
    // Of x86-64 alone, and used by no plan.
    private const Linux.SystemCall Mkdir = (Linux.SystemCall)83;

    private readonly LaunchFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Container_IsPidOneOnItsOwnRootWithThePodsName()
    {
        var output = _fixture.Run(Specs.Container("echo $$; hostname; ls /; pwd; echo $HOME"));

        Assert.Equal("1\nweb-0\nbin\ndev\netc\nproc\nsys\ntmp\n/\n/root\n", output);
    }

    [Theory]
    [InlineData("/tmp")]
    [InlineData("/srv")]
    [InlineData("/srv/app/data")]
    public void WorkingDirectory_IsMadeWhereItIsMissing(string directory)
    {
        var spec = Specs.Container("pwd");

        Assert.Equal(directory + "\n", _fixture.Run(spec with { Process = spec.Process with { Cwd = directory } }));
    }

    [Fact]
    public void Mounts_AreThoseOfTheSpecificationAndNoOthers()
    {
        var mounts = Probe.Mounts(_fixture.Run(Specs.Container("cat /proc/self/mountinfo")));

        Assert.Equal("tmpfs rw,nosuid", mounts["/dev"]);
        Assert.Equal("proc rw,nosuid,nodev,noexec,relatime", mounts["/proc"]);
        Assert.Equal("sysfs ro,nosuid,nodev,noexec,relatime", mounts["/sys"]);
        Assert.Equal("devpts rw,nosuid,noexec,relatime", mounts["/dev/pts"]);
        Assert.Equal("mqueue rw,nosuid,nodev,noexec,relatime", mounts["/dev/mqueue"]);
        Assert.Equal("tmpfs rw,nosuid,nodev,noexec,relatime", mounts["/dev/shm"]);
        Assert.Equal("proc ro,nosuid,nodev,noexec,relatime", mounts["/proc/sys"]);
        Assert.Equal("tmpfs ro,nosuid,nodev,noexec,relatime", mounts["/sys/firmware"]);
        Assert.All(mounts.Keys, path => Assert.True(
            path == "/" || path.StartsWith("/dev", StringComparison.Ordinal) || path.StartsWith("/proc", StringComparison.Ordinal)
            || path.StartsWith("/sys", StringComparison.Ordinal), path));
        Assert.All(mounts.Where(m => m.Key.StartsWith("/sys/fs/cgroup", StringComparison.Ordinal)), m => Assert.Contains(" ro,", m.Value));
    }

    [Fact]
    public void Cgroups_ShowTheContainersOwnAsTheRoot()
    {
        var output = _fixture.Run(Specs.Container("cat /proc/self/cgroup; find /sys/fs/cgroup -name cgroup.procs | sort | head -n 1 | xargs cat"));

        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines.Where(l => l.Contains(':')), l => Assert.EndsWith(":/", l));
        Assert.Equal("1", lines.First(l => !l.Contains(':')));
    }

    [Fact]
    public void HiddenAndReadOnlyPaths_CannotBeReadOrWritten()
    {
        var output = _fixture.Run(Specs.Container(
            "cat /proc/keys /proc/timer_list /proc/interrupts; ls /sys/firmware /proc/acpi; echo 1 > /proc/sys/kernel/domainname; mkdir /sys/fs/cgroup/x; stat -c %F:%t:%T /proc/keys"));

        Assert.Contains("/sys/firmware:\n", output);
        Assert.Contains("can't create /proc/sys/kernel/domainname: Read-only file system", output);
        Assert.Contains("mkdir: can't create directory '/sys/fs/cgroup/x': Read-only file system", output);
        Assert.EndsWith("character special file:1:3\n", output);
    }

    [Fact]
    public void HiddenPaths_ThatTheImageHas_AreHiddenWhateverTheyAre()
    {
        Directory.CreateDirectory(_fixture.Root("secret/inner"));
        File.WriteAllText(_fixture.Root("secrets.txt"), "top secret");
        File.CreateSymbolicLink(_fixture.Root("alias"), "/secrets.txt");
        var spec = Specs.Container("ls /secret; cat /secrets.txt /alias; touch /secret/x 2>&1") with
        {
            MaskedPaths = ["/secret", "/alias", "/missing/deep"],
        };

        Assert.Equal("touch: /secret/x: Read-only file system\n", _fixture.Run(spec));
    }

    [Fact]
    public void Devices_AreTheUsualOnesAndThoseAskedFor()
    {
        var spec = Specs.Container("cd /dev; stat -c '%n %F %t:%T %a %u:%g' * deep/* | sort; echo x > null; head -c 3 zero | wc -c; readlink fd; readlink ptmx") with
        {
            Devices = [new DeviceSpec("/dev/deep/loop9", 'b', 7, 9, 0x1A0, 0, 6), new DeviceSpec("/dev/fuse", 'c', 10, 229, 0x1B6, 0, 0), new DeviceSpec("/dev/null", 'c', 1, 5, 0, 0, 0)],
        };
        var output = _fixture.Run(spec);

        Assert.Contains("deep/loop9 block special file 7:9 640 0:6\n", output);
        Assert.Contains("fuse character special file a:e5 666 0:0\n", output);
        foreach (var (name, number) in new[] { ("null", "1:3"), ("zero", "1:5"), ("full", "1:7"), ("random", "1:8"), ("urandom", "1:9"), ("tty", "5:0") })
        {
            Assert.Contains($"{name} character special file {number} 666 0:0\n", output);
        }

        Assert.EndsWith("3\n/proc/self/fd\npts/ptmx\n", output);
    }

    [Fact]
    public void Status_HasDefaultSignalsLimitedCapabilitiesAndUmask()
    {
        var status = Probe.Status(_fixture.Run(Specs.Container(["cat", "/proc/self/status"])));

        Assert.Equal("00000000a80425fb", status["CapPrm"]);
        Assert.Equal("00000000a80425fb", status["CapEff"]);
        Assert.Equal("00000000a80425fb", status["CapBnd"]);
        Assert.Equal("0000000000000000", status["CapInh"]);
        Assert.Equal("0000000000000000", status["CapAmb"]);
        Assert.All(new[] { "SigBlk", "SigIgn", "SigCgt" }, name => Assert.Equal("0000000000000000", status[name]));
        Assert.Equal("0022", status["Umask"]);
        Assert.Equal("0", status["NoNewPrivs"]);
        Assert.Equal("0", status["Seccomp"]);
        Assert.Equal("0", status["Groups"]);
    }

    [Fact]
    public void Descriptors_AreTheThreeStreamsAlone()
    {
        // The shell's glob is read by descriptor 3.
        Assert.Equal("/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3\n", _fixture.Run(Specs.Container("echo /proc/self/fd/*")));
    }

    [Fact]
    public void Process_IsTheLeaderOfASessionWithAKeyringOfItsOwn()
    {
        var spec = Specs.Container("cut -d' ' -f1,6 /proc/self/stat; grep _ses /proc/keys") with { MaskedPaths = [] };
        var output = _fixture.Run(spec);

        Assert.Matches(@"\A\d+ 1\n", output);
        Assert.Contains("keyring   _ses: empty", output);
    }

    [Fact]
    public void User_HasItsGroupsCapabilitiesAndStreams()
    {
        var spec = Specs.Container("id; grep -E '^(Cap|Groups|NoNew)' /proc/self/status; echo $HOME; umask")
            .With(p => p with { User = new UserSpec { User = "app", AdditionalGids = [70] }, Umask = 0x3F, NoNewPrivileges = true });
        var output = _fixture.Run(spec);

        Assert.StartsWith("uid=1000(app) gid=1001(app) groups=29(audio),70,1001(app)\n", output);
        var status = Probe.Status(output);
        Assert.Equal("29 70 1001", status["Groups"]);
        Assert.Equal("0000000000000000", status["CapEff"]);
        Assert.Equal("00000000a80425fb", status["CapBnd"]);
        Assert.Equal("1", status["NoNewPrivs"]);
        Assert.EndsWith("/home/app\n0077\n", output);
    }

    [Fact]
    public void AmbientCapabilities_ReachAProgramOfAUser()
    {
        string[] ambient = ["CAP_NET_BIND_SERVICE"];
        var capabilities = new CapabilitiesSpec { Bounding = ambient, Permitted = ambient, Effective = ambient, Ambient = ambient };
        var spec = Specs.Container("cat /proc/self/status").With(p => p with { User = new UserSpec { User = "1000" }, Capabilities = capabilities });
        var status = Probe.Status(_fixture.Run(spec));

        Assert.All(new[] { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" }, name => Assert.Equal("0000000000000400", status[name]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Seccomp_FiltersTheProgramAndNotItsBirth(bool noNewPrivileges)
    {
        var spec = Specs.Container("grep -E '^(Seccomp|Cap|NoNew)' /proc/self/status; mkdir /tmp/x; ls /tmp").With(p => p with
        {
            NoNewPrivileges = noNewPrivileges,
            SeccompProgram = Probe.Refuse(Mkdir, Linux.SystemCall.mkdirat),
            User = new UserSpec { User = "0" },
        });
        var output = _fixture.Run(spec);

        var status = Probe.Status(output);
        Assert.Equal(("2", noNewPrivileges ? "1" : "0"), (status["Seccomp"], status["NoNewPrivs"]));
        Assert.Equal("00000000a80425fb", status["CapEff"]);
        Assert.EndsWith("mkdir: can't create directory '/tmp/x': Operation not permitted\n", output);
    }

    [Fact]
    public void Limits_AreThoseOfTheSpecification()
    {
        var spec = Specs.Container("ulimit -n; ulimit -Hn; ulimit -c").With(p => p with
        {
            Rlimits = [new RlimitSpec("RLIMIT_NOFILE", 16, 32), new RlimitSpec("RLIMIT_CORE", 0, 0)],
        });

        Assert.Equal("16\n32\n0\n", _fixture.Run(spec));
    }

    [Theory]
    [InlineData(900, 900)]
    [InlineData(null, 0)]
    public void OomScore_IsTheSpecificationsOrTheDefault(int? asked, int expected)
    {
        var spec = Specs.Container("cat /proc/self/oom_score_adj").With(p => p with { OomScoreAdj = asked });

        Assert.Equal(expected, int.Parse(_fixture.Run(spec), CultureInfo.InvariantCulture));
    }

    [Fact]
    public void OomScore_ThatMayNotBeLowered_StaysAsItIs()
    {
        var output = _fixture.Run(Specs.Container("cat /proc/self/oom_score_adj").With(p => p with { OomScoreAdj = -998 }));

        var lowest = Linux.Processes.IsInBoundingSet(24) == true ? "-998" : File.ReadAllText("/proc/self/oom_score_adj").Trim();
        Assert.Equal(lowest, output.Trim());
    }

    [Fact]
    public void ReadOnlyRoot_StillGetsItsMountPointsAndDirectory()
    {
        File.WriteAllText(_fixture.Outside("hosts"), "1.2.3.4 name\n");
        var spec = Specs.Container("pwd; cat /etc/hosts; touch /x 2>&1; touch /data/deep/y && echo written")
            .With(p => p with { Cwd = "/srv/app" })
            .Mount(Specs.Bind(_fixture.Outside("hosts"), "/etc/hosts"), new MountSpec { Target = "/data/deep", Source = new TmpfsSource(0, 0x1FF) });
        spec = spec with { Root = spec.Root with { Readonly = true } };

        Assert.Equal("/srv/app\n1.2.3.4 name\ntouch: /x: Read-only file system\nwritten\n", _fixture.Run(spec));
    }

    [Fact]
    public void Privileged_HasAllCapabilitiesAndWritableKernelFilesystems()
    {
        var all = Enumerable.Range(0, 41).Where(n => Linux.Processes.IsInBoundingSet(n) == true).Select(Linux.CapabilitySet.NameOf).ToList();
        var spec = Specs.Container("grep CapEff /proc/self/status; mkdir -p /sys/fs/cgroup/pids/inner /sys/fs/cgroup/inner && rmdir /sys/fs/cgroup/inner && echo made; : > /proc/sys/kernel/hostname && echo writable")
            .With(p => p with { Capabilities = new CapabilitiesSpec { Bounding = all, Permitted = all, Effective = all } });
        spec = spec with { MaskedPaths = [], ReadonlyPaths = [], Mounts = [.. spec.Mounts.Select(m => m with { Readonly = false })] };
        var output = _fixture.Run(spec);

        Assert.Equal($"CapEff:\t{Linux.CapabilitySet.Of(all).Bits:x16}\nmade\nwritable\n", output);
    }
}
