using Crisp.Cgroups.V1;
using Xunit;

namespace Crisp.Cgroups.Tests.V1;

public sealed class DeviceWhitelistTests
{
    private static readonly DeviceRule _null = new(true, 'c', 1, 3, DeviceAccess.All);

    [Fact]
    public void Rules_AreReducedToExceptions()
    {
        Assert.Equal(["c *:* m", "c 1:3 rw"], Reduce(DeviceRule.AllowAll, DeviceRule.DenyAll, new(true, 'c', null, null, DeviceAccess.Mknod), _null with { Access = DeviceAccess.Read }, _null with { Access = DeviceAccess.Write }));
        Assert.Equal(["b 8:0 r", "c 8:0 r"], Reduce(new DeviceRule(true, 'a', 8, 0, DeviceAccess.Read)));
        Assert.Equal(["c 1:3 rm"], Reduce(_null, new(false, 'c', 1, null, DeviceAccess.Write)));
        Assert.Empty(Reduce(_null, _null with { Allow = false }));
        Assert.True(DeviceWhitelist.Reduce([_null, DeviceRule.AllowAll, _null]).AllowAll);
    }

    [Fact]
    public void Holes_AreRefused()
    {
        Assert.Throws<CgroupUnsupportedException>(() => Reduce(DeviceRule.AllowAll, _null with { Allow = false }));
        Assert.Throws<CgroupUnsupportedException>(() => Reduce(new DeviceRule(true, 'c', 1, null, DeviceAccess.All), _null with { Allow = false }));
    }

    [Fact]
    public void Surplus_KeepsTheAccessesThatStay()
        => Assert.Equal(["c 1:3 wm", "b 8:0 r"], DeviceWhitelist.Surplus(["c 1:3 rwm", "b 8:0 r", "c 1:5 r"], ["c 1:3 r", "c 1:5 rw"]));

    private static List<string> Reduce(params DeviceRule[] rules) => DeviceWhitelist.Reduce(rules).Allowed;
}
