using Xunit;

namespace Crisp.Cgroups.Tests;

public sealed class CgroupHierarchyTests
{
    private const string Systemd = """
        30 23 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
        31 23 0:27 / /sys/fs/cgroup/systemd rw,nosuid shared:10 - cgroup cgroup rw,xattr,name=systemd
        35 23 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct
        36 23 0:32 /docker/abc /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
        40 23 0:32 / /run/odd\040name rw - cgroup cgroup rw,memory
        41 23 0:40 / /tmp rw - tmpfs tmpfs rw
        """;

    [Fact]
    public void MountInfo_OfAHybrid_GivesEachHierarchyOnce()
    {
        var found = CgroupHierarchy.Read(Systemd, "#subsys_name\thierarchy\nmemory\t4\t1\t1\n");

        Assert.Equal(["/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory"], found.Select(h => h.MountPoint));
        Assert.Equal([true, false, false, false], found.Select(h => h.Unified));
        Assert.Equal(["cpu", "cpuacct"], found[2].Controllers);
        Assert.Empty(found[1].Controllers);
        Assert.Equal([null, "systemd", null, null], found.Select(h => h.Name));
    }

    [Fact]
    public void Facts_OfAHybrid_HaveTheHierarchiesOfVersion1()
    {
        var hierarchies = CgroupManager.From(CgroupHierarchy.Read(Systemd, "")).Facts.Hierarchies;

        Assert.Equal(["systemd", "cpu,cpuacct", "memory"], hierarchies.Select(h => h.Directory));
        Assert.Equal(["systemd", null, null], hierarchies.Select(h => h.Name));
        Assert.Equal(["cpu", "cpuacct"], hierarchies[1].Controllers);
    }

    [Fact]
    public void MountPoint_Escaped_IsPlain()
        => Assert.Equal("/run/odd name", Assert.Single(CgroupHierarchy.Read(Systemd.Split('\n')[4], "")).MountPoint);

    [Fact]
    public void Version_FollowsTheControllers()
    {
        Assert.Equal(CgroupVersion.V1, CgroupManager.From(CgroupHierarchy.Read(Systemd, "")).Version);
        Assert.Equal(CgroupVersion.V2, CgroupManager.From([new("/sys/fs/cgroup", [], true), new("/mnt", ["net_cls"], false)]).Version);
        Assert.Throws<CgroupUnsupportedException>(() => CgroupManager.From([]));
    }

    [Fact]
    public void Facts_OfThisMachine_NameItsControllers()
    {
        Assert.SkipUnless(File.ReadAllText("/proc/self/mountinfo").Contains(" - cgroup", StringComparison.Ordinal), "needs mounted cgroups");
        var facts = CgroupManager.Detect().Facts;

        Assert.NotEmpty(facts.MountPoints);
        Assert.True(facts.Has("memory"), string.Join(' ', facts.Controllers));
        Assert.DoesNotContain("blkio", facts.Controllers);
    }
}
