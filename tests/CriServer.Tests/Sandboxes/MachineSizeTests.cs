using Crisp.CriServer.Configuration;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.CriServer.Tests.Sandboxes;

public sealed class MachineSizeTests
{
    private const long MiB = 1 << 20;
    private static readonly RuntimeConfig _runtime = new("kvm") { Vcpus = 2, Memory = 256 * MiB, Overhead = 64 * MiB };

    [Theory]
    [InlineData(null, null, null, 2, 320)]
    [InlineData(-1L, -1L, 100_000UL, 2, 320)]
    [InlineData(1000 * MiB, 100_000L, 100_000UL, 1, 1064)]
    [InlineData(1000 * MiB + 1, 100_001L, 100_000UL, 2, 1066)]
    [InlineData(1L, 1000L, 100_000UL, 1, 66)]
    [InlineData(null, 6_400_000L, 100_000UL, 8, 320)]
    public void Size_IsThatOfThePodsLimitsWithTheOverhead(long? memory, long? quota, ulong? period, int vcpus, long mebibytes)
    {
        var limits = new ResourcesSpec { MemoryLimit = memory, CpuQuota = quota, CpuPeriod = period };

        Assert.Equal(new MachineSize(vcpus, mebibytes * MiB), MachineSize.Of(_runtime, new SandboxResources(limits, new ResourcesSpec()), 8));
    }

    [Fact]
    public void Machine_FitsWhatIsNotMore()
    {
        var machine = new VmSpec { Kernel = "/k", Initramfs = "/i", Vcpus = 2, MemoryBytes = 320 * MiB };

        Assert.True(new MachineSize(2, 320 * MiB).Fits(machine));
        Assert.False(new MachineSize(3, 320 * MiB).Fits(machine));
        Assert.False(new MachineSize(2, 322 * MiB).Fits(machine));
    }
}
