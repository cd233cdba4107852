using Crisp.Linux;
using Xunit;

namespace Crisp.Cgroups.Tests;

/// <summary>Device filters as a process in the cgroup meets them.</summary>
public sealed class DeviceTests : IDisposable
{
    private const string Probe = "(: </dev/null) && echo null-r; (: >/dev/null) && echo null-w; (: </dev/zero) && echo zero-r";
    private readonly CgroupFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void NoRules_RefuseEverything()
    {
        _fixture.Cgroup.SetDeviceRules([]);

        Assert.Equal("", Devices());
    }

    [Fact]
    public void Rules_AllowSome_AndAreReplaced()
    {
        _fixture.Cgroup.SetDeviceRules([DeviceRule.DenyAll, new(true, 'c', 1, 3, DeviceAccess.All)]);
        Assert.Equal("null-r null-w", Devices());

        _fixture.Cgroup.SetDeviceRules([DeviceRule.DenyAll, new(true, 'c', 1, 5, DeviceAccess.All), new(true, 'c', 1, 3, DeviceAccess.Read)]);
        Assert.Equal("null-r zero-r", Devices());

        _fixture.Cgroup.SetDeviceRules([DeviceRule.AllowAll]);
        Assert.Equal("null-r null-w zero-r", Devices());
    }

    [Fact]
    public void Filter_InTheUnifiedTree_DecidesAccessByAccess()
    {
        // A v2 tree takes device filters wherever it is mounted, so that a hybrid machine tests the program for real.
        var unified = new[] { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" }.FirstOrDefault(d => File.Exists($"{d}/cgroup.controllers"));
        Assert.SkipWhen(unified is null, "needs a cgroup v2 tree");
        DeviceFilter.Attach($"{unified}/{_fixture.Cgroup.Path}", [DeviceRule.AllowAll, new(false, 'c', 1, null, DeviceAccess.Write), new(false, 'c', 1, 5, DeviceAccess.Read)]);
        Assert.Equal("null-r", Devices());

        DeviceFilter.Attach($"{unified}/{_fixture.Cgroup.Path}", [DeviceRule.DenyAll, new(true, 'c', 1, 5, DeviceAccess.Read)]);
        Assert.Equal("zero-r", Devices());

        using var directory = Files.Open($"{unified}/{_fixture.Cgroup.Path}", OpenFlags.Directory);
        var programs = Bpf.GetDeviceFilters(directory);
        Assert.Single(programs).Dispose();
    }

    private string Devices() => string.Join(' ', RunProbe().Split('\n', StringSplitOptions.RemoveEmptyEntries));

    private string RunProbe()
    {
        // Standard error is a pipe already: without the redirection no device is needed to report a failure.
        var process = _fixture.Run(Probe);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }
}
