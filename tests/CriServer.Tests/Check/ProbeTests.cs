using Crisp.Cgroups;
using Crisp.Cri.V1;
using Crisp.CriServer.Check;
using Crisp.CriServer.Check.Probes;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.Check;

/// <summary>What probes make of what they find, on nodes that this one is not.</summary>
public sealed class ProbeTests
{
    [Theory]
    [InlineData("6.1.0-28-amd64", "Ok")]
    [InlineData("6.1", "Ok")]
    [InlineData("6.10.3+", "Ok")]
    [InlineData("7.0-rc1", "Ok")]
    [InlineData("6.0.19", "Missing!")]
    [InlineData("5.14.0-503.el9.x86_64", "Missing!")]
    [InlineData("custom", "Warning")]
    public void Kernel_MustBeOfTheFloorOrLater(string release, string state) => Assert.Equal(state, State(KernelProbe.Judge(release)));

    [Fact]
    public void Capabilities_AreReadFromTheStatus() =>
        Assert.Equal(CapabilitySet.Of("CAP_CHOWN", "CAP_SYS_ADMIN"), PrivilegeProbe.Effective(["Name:\tx", "CapEff:\t0000000000200001", "CapBnd:\t0"]));

    [Fact]
    public void Capabilities_ThatPodsAreMadeWithAreNecessary()
    {
        Assert.Equal("Ok", State(PrivilegeProbe.Judge(CapabilitySet.All)));
        var missing = PrivilegeProbe.Judge(Without("CAP_SYS_ADMIN", "CAP_SYS_TIME"));
        Assert.Equal(("Missing!", "without CAP_SYS_ADMIN"), (State(missing), missing.Found));
        var withheld = PrivilegeProbe.Judge(Without("CAP_SYS_TIME", "CAP_SYS_RESOURCE"));
        Assert.Equal("Warning", State(withheld));
        Assert.EndsWith("not CAP_SYS_TIME", withheld.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CgroupVersion.V2, false, "cpu cpuset hugetlb io memory pids", "Ok Ok")]
    [InlineData(CgroupVersion.V1, true, "cpu cpuset hugetlb io memory pids", "Warning Ok")]
    [InlineData(CgroupVersion.V2, false, "cpu cpuset hugetlb io pids", "Ok Missing!")]
    [InlineData(CgroupVersion.V2, false, "cpu cpuset io memory pids", "Ok Ok Warning")]
    public void Cgroups_NeedTheControllersOfEveryPod(CgroupVersion version, bool hybrid, string controllers, string states)
    {
        var facts = CgroupManager.Detect().Facts with { Version = version, Hybrid = hybrid, Controllers = controllers.Split(' '), AtomicKill = true, Pressure = true };
        Assert.Equal(states, string.Join(' ', CgroupProbe.Judge(facts).Select(State)));
        var old = facts with { AtomicKill = false, Pressure = false };
        Assert.Equal($"{states} Warning Warning", string.Join(' ', CgroupProbe.Judge(old).Select(State)));
    }

    [Theory]
    [InlineData(true, null, true, "Ok Ok")]
    [InlineData(true, null, false, "Missing Ok")]
    [InlineData(false, true, false, "Ok Ok")]
    [InlineData(false, false, false, "Ok Warning")]
    [InlineData(false, null, true, "Missing Ok")]
    public void SecurityModules_OneIsEnough(bool appArmor, bool? selinux, bool parser, string states) =>
        Assert.Equal(states, string.Join(' ', SecurityModuleProbe.Judge(appArmor, selinux, parser).Select(State)));

    [Theory]
    [InlineData(1000, 1000, 150, "Ok")]
    [InlineData(1000, 1000, 149, "Warning")]
    [InlineData(1000, 49, 500, "Ok Warning")]
    [InlineData(0, 0, 500, "Ok")]
    public void Storage_WarnsBeforeTheKubeletEvicts(ulong inodes, ulong freeInodes, ulong available, string states)
    {
        var status = new FilesystemStatus(0xEF53, 4096, 1000, available, available, inodes, freeInodes);
        Assert.Equal(states, string.Join(' ', StorageProbe.Judge("/r", status).Select(State)));
    }

    [Fact]
    public void Storage_OnATmpfsIsAWarning() =>
        Assert.Equal("storage", StorageProbe.Judge("/r", new FilesystemStatus(FilesystemStatus.TmpfsMagic, 4096, 10, 9, 9, 0, 0)).First().Name);

    [Theory]
    [InlineData(null, false, "Ok")]
    [InlineData(null, true, "Ok")]
    [InlineData("no quota", false, "Missing")]
    [InlineData("no quota", true, "Missing!")]
    public void ProjectQuota_IsNecessaryWhereTheConfigurationHasASize(string? problem, bool configured, string state) =>
        Assert.Equal(state, State(LayerQuotaProbe.Judge(problem, configured)));

    [Theory]
    [InlineData(null, "Warning")]
    [InlineData(127L, "Warning")]
    [InlineData(128L, "Ok")]
    public void Limit_BelowTheLeastIsAWarning(long? value, string state) => Assert.Equal(state, State(LimitProbe.Judge("l", value, 128, "Raise it.")));

    [Fact]
    public void Clock_BeforeTheProgramWasMadeIsWrong()
    {
        var built = new DateTime(2026, 1, 2, 0, 0, 0, DateTimeKind.Utc);
        Assert.Equal("Ok", State(ClockProbe.Judge(built.AddDays(1), built)));
        Assert.Equal("Warning", State(ClockProbe.Judge(built.AddYears(-56), built)));
    }

    [Theory]
    [InlineData(Errno.None, "", "Ok", "")]
    [InlineData(Errno.ENOENT, "vmx", "Missing", "kvm_intel")]
    [InlineData(Errno.ENOENT, "svm", "Missing", "kvm_amd")]
    [InlineData(Errno.ENOENT, "sse2", "Missing", "firmware")]
    [InlineData(Errno.EACCES, "vmx", "Missing", "root")]
    public void Kvm_SaysWhatWouldBringIt(Errno errno, string flag, string state, string advice)
    {
        var result = KvmProbe.Judge(errno, [flag]);
        Assert.Equal(state, State(result));
        Assert.Contains(advice, result.Advice ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void Kvm_WhoseGuestDoesNotRun_IsMissing()
    {
        Assert.Equal("Ok", State(KvmProbe.JudgeTrials(null, () => null)));
        var hello = KvmProbe.JudgeTrials("no reason", () => throw new InvalidOperationException("It was not asked for."));
        Assert.Equal(("Missing", "/dev/kvm can be opened, but a guest did not run: no reason"), (State(hello), hello.Found));
        var syscall = KvmProbe.JudgeTrials(null, () => "a fault");
        Assert.Equal("Missing", State(syscall));
        Assert.EndsWith("a system call of its user did not reach its kernel: a fault", syscall.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void Cdi_NamesDevicesAndWhatIsWrongWithOthers()
    {
        using var directory = new TemporaryDirectory();
        var context = new CheckContext(new CrispConfig { CdiSpecDirectories = [directory.Path] }, "/s");
        Assert.Equal(($"no devices in {directory.Path}", "Ok"), CdiProbe.Run(context).Select(r => (r.Found, State(r))).Single());

        Write("a.json", "0", "1", "2", "3", "4", "5", "6");
        Write("b.json", "6");
        File.WriteAllText(directory.Combine("c.yaml"), "kind: x");
        var results = CdiProbe.Run(context).ToList();
        Assert.Equal("Ok Warning Warning", string.Join(' ', results.Select(State)));
        Assert.Equal("a.example/b=0, a.example/b=1, a.example/b=2, a.example/b=3, a.example/b=4 and 1 more", results[0].Found);
        Assert.StartsWith($"The CDI specification {directory.Combine("c.yaml")} cannot be used: kind is \"x\"", results[1].Found, StringComparison.Ordinal);
        Assert.StartsWith("The CDI device a.example/b=6 is described by ", results[2].Found, StringComparison.Ordinal);

        void Write(string file, params string[] names)
        {
            var devices = names.Select(n => $$$"""{"name":"{{{n}}}","containerEdits":{"env":["A=1"]}}""");
            File.WriteAllText(directory.Combine(file), $$$"""{"cdiVersion":"1.0.0","kind":"a.example/b","devices":[{{{string.Join(',', devices)}}}]}""");
        }
    }

    [Fact]
    public void Daemon_OfAnotherVersionAndItsConditionsAreTold()
    {
        var status = new RuntimeStatus
        {
            Conditions =
            {
                new RuntimeCondition { Type = "RuntimeReady", Status = true },
                new RuntimeCondition { Type = "NetworkReady", Reason = "NoCni", Message = "Install a plugin." },
            },
        };
        var results = DaemonProbe.Judge("/s", new VersionResponse { RuntimeName = "crisp", RuntimeVersion = CrispVersion.Text }, status).ToList();
        Assert.Equal("Ok Ok Warning", string.Join(' ', results.Select(State)));
        Assert.Equal(("false, NoCni", "Install a plugin."), (results[2].Found, results[2].Advice));
        Assert.Equal("Warning", State(DaemonProbe.Judge("/s", new VersionResponse { RuntimeName = "crisp", RuntimeVersion = "0.0.1" }, status).First()));
    }

    private static CapabilitySet Without(params string[] names) => new(CapabilitySet.All.Bits & ~CapabilitySet.Of(names).Bits);

    private static string State(CheckResult result)
    {
        Assert.Equal(result.State == CheckState.Ok, result.Advice is null);
        return $"{result.State}{(result.IsNecessary ? "!" : "")}";
    }
}
