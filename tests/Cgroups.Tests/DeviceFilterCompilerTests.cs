using Crisp.Linux;
using Xunit;

namespace Crisp.Cgroups.Tests;

public sealed class DeviceFilterCompilerTests
{
    private static readonly DeviceAccess[] _single = [DeviceAccess.Read, DeviceAccess.Write, DeviceAccess.Mknod];

    [Fact]
    public void LastMatch_Wins()
    {
        var program = DeviceFilterCompiler.Compile([DeviceRule.AllowAll, new(false, 'c', 1, null, DeviceAccess.All), new(true, 'c', 1, 3, DeviceAccess.All)]);

        Assert.True(DeviceFilterInterpreter.Allows(program, 'c', 1, 3, DeviceAccess.Write));
        Assert.False(DeviceFilterInterpreter.Allows(program, 'c', 1, 5, DeviceAccess.Read));
        Assert.True(DeviceFilterInterpreter.Allows(program, 'b', 1, 5, DeviceAccess.All));
    }

    [Fact]
    public void Accesses_OfOneOpen_AreDecidedByTheirOwnRules()
    {
        var program = DeviceFilterCompiler.Compile([new(true, 'c', 1, 3, DeviceAccess.Read), new(true, 'c', null, 3, DeviceAccess.Write), new(false, 'c', 1, 3, DeviceAccess.Mknod)]);

        Assert.True(DeviceFilterInterpreter.Allows(program, 'c', 1, 3, DeviceAccess.Read | DeviceAccess.Write));
        Assert.False(DeviceFilterInterpreter.Allows(program, 'c', 2, 3, DeviceAccess.Read | DeviceAccess.Write));
        Assert.False(DeviceFilterInterpreter.Allows(program, 'c', 1, 3, DeviceAccess.All));
    }

    [Fact]
    public void RandomRules_DecideAsTheirDefinition()
    {
        const int Seed = 20261124;
        var random = new Random(Seed);
        for (var round = 0; round < 2000; round++)
        {
            var rules = RandomRules(random);
            var program = DeviceFilterCompiler.Compile(rules);
            for (var i = 0; i < 20; i++)
            {
                var (type, major, minor) = (random.Next(2) == 0 ? 'b' : 'c', (uint)random.Next(3), (uint)random.Next(3));
                var access = (DeviceAccess)random.Next(1, 8);
                Assert.True(
                    Expected(rules, type, major, minor, access) == DeviceFilterInterpreter.Allows(program, type, major, minor, access),
                    $"seed {Seed}, round {round}: {type} {major}:{minor} {access} by {string.Join("; ", rules)}");
            }
        }
    }

    [Fact]
    public void Verifier_TakesEveryProgram()
    {
        Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
        var random = new Random(7);
        for (var round = 0; round < 100; round++)
        {
            Bpf.LoadDeviceFilter(DeviceFilterCompiler.Compile(RandomRules(random))).Dispose();
        }
    }

    [Fact]
    public void LargeNumbers_AreComparedWhole()
    {
        var program = DeviceFilterCompiler.Compile([new(true, 'c', 0xFFFFFFFF, 0x80000000, DeviceAccess.All)]);

        Assert.True(DeviceFilterInterpreter.Allows(program, 'c', 0xFFFFFFFF, 0x80000000, DeviceAccess.Read));
        Assert.False(DeviceFilterInterpreter.Allows(program, 'c', 0x7FFFFFFF, 0x80000000, DeviceAccess.Read));
    }

    [Fact]
    public void WrongRules_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => DeviceFilterCompiler.Compile([new(true, 'x', null, null, DeviceAccess.All)]));
        Assert.Throws<ArgumentException>(() => DeviceFilterCompiler.Compile([new(true, 'c', null, null, DeviceAccess.None)]));
        Assert.Throws<ArgumentException>(() => DeviceRule.ParseAccess("rx"));
    }

    // Each access by itself: the last rule that matches it, or refused.
    private static bool Expected(List<DeviceRule> rules, char type, uint major, uint minor, DeviceAccess access)
        => _single.Where(a => access.HasFlag(a)).All(a => rules.LastOrDefault(r =>
            (r.Type == 'a' || r.Type == type) && (r.Major ?? major) == major && (r.Minor ?? minor) == minor && r.Access.HasFlag(a))?.Allow ?? false);

    private static List<DeviceRule> RandomRules(Random random) =>
    [
        .. Enumerable.Range(0, random.Next(7)).Select(_ => new DeviceRule(
            random.Next(2) == 0,
            "abc"[random.Next(3)],
            random.Next(2) == 0 ? null : (uint)random.Next(3),
            random.Next(2) == 0 ? null : (uint)random.Next(3),
            (DeviceAccess)random.Next(1, 8))),
    ];
}
