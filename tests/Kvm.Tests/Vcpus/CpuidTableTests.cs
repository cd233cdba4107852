using Crisp.Kvm.Interop;
using Crisp.Kvm.Vcpus;
using Xunit;

namespace Crisp.Kvm.Tests.Vcpus;

public sealed class CpuidTableTests
{
    private static readonly kvm_cpuid_entry2[] s_host =
    [
        new() { function = 0, eax = 0x1F },
        new() { function = 1, ebx = 0xAABB_0800, ecx = 1 << 24, edx = 1 << 28 },
        new() { function = 0xB, ecx = 0x100, edx = 99 },
        new() { function = 0x1F, edx = 99 },
        new() { function = 0x4000_0000, ebx = 0x4B4D_564B },
    ];

    [Fact]
    public void Guest_KnowsThatItIsOne_AndWhichProcessor()
    {
        var basic = Leaf(CpuidTable.For(s_host, 2, 4, hasApic: true, hasDeadlineTimer: true), 1);

        Assert.Equal(0x0204_0800U, basic.ebx);
        Assert.Equal(1U << 31 | 1 << 24 | 1 << 21, basic.ecx);
        Assert.Equal(1U << 28, basic.edx);
    }

    [Fact]
    public void WithoutApic_NothingOfItIsPromised()
    {
        var basic = Leaf(CpuidTable.For(s_host, 0, 1, hasApic: false, hasDeadlineTimer: true), 1);

        Assert.Equal(1U << 31, basic.ecx);
        Assert.Equal(0U, basic.edx);
    }

    [Fact]
    public void Topology_IsTheMachinesOwn()
    {
        var levels = CpuidTable.For(s_host, 5, 6, hasApic: true, hasDeadlineTimer: true).Where(e => e.function == 0xB).ToList();

        Assert.Equal([(0U, 1U, 0x100U, 5U), (3U, 6U, 0x201U, 5U), (0U, 0U, 2U, 5U)], levels.Select(e => (e.eax, e.ebx, e.ecx, e.edx)));
        Assert.All(levels, e => Assert.Equal(1U, e.flags));
    }

    [Fact]
    public void HypervisorsSignature_IsLeft_AndOldTopologyIsNot()
    {
        var table = CpuidTable.For(s_host, 0, 1, hasApic: true, hasDeadlineTimer: false);

        Assert.Equal(0x4B4D_564BU, Leaf(table, 0x4000_0000).ebx);
        Assert.DoesNotContain(table, e => e.function == 0x1F);
    }

    private static kvm_cpuid_entry2 Leaf(kvm_cpuid_entry2[] table, uint function) => table.Single(e => e.function == function);
}
