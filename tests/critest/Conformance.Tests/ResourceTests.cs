using Crisp.Cri.V1;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>Limits beyond those of critest's "Container Update".</summary>
public sealed class ResourceTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task HugepageLimit_IsThatOfTheCgroup()
    {
        Assert.SkipWhen(Endpoint.IsMachine, "the node's huge pages are not a virtual machine's to count");
        Assert.SkipUnless(
            Directory.Exists("/sys/kernel/mm/hugepages/hugepages-2048kB") && IsControllerThere("hugetlb"), "the node has no 2 MB pages, or no cgroup that counts them");
        const ulong Limit = 4 << 20;
        const string Read = "cat /sys/fs/cgroup/hugetlb/hugetlb.2MB.limit_in_bytes 2> /dev/null || cat /sys/fs/cgroup/hugetlb.2MB.max";
        var told = await Cri.ScriptAsync(Read, c => c.Linux.Resources.HugepageLimits.Add(new HugepageLimit { PageSize = "2MB", Limit = Limit }));
        Assert.Equal($"{Limit}", told.Trim());
    }

    // A hierarchy of its own, or one of the unified one's controllers.
    private static bool IsControllerThere(string name)
        => Directory.Exists($"/sys/fs/cgroup/{name}")
            || (File.Exists("/sys/fs/cgroup/cgroup.controllers") && File.ReadAllText("/sys/fs/cgroup/cgroup.controllers").Split(' ', '\n').Contains(name));
}
