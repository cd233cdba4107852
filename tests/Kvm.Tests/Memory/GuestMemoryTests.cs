using Crisp.Kvm.Memory;
using Xunit;

namespace Crisp.Kvm.Tests.Memory;

public sealed class GuestMemoryTests
{
    [Theory]
    [InlineData(0UL, 0x1000, true)]
    [InlineData(0xFFFUL, 1, true)]
    [InlineData(0x1000UL, 0, true)]
    [InlineData(0x1000UL, 1, false)]
    [InlineData(0xFFFUL, 2, false)]
    [InlineData(0UL, 0x1001, false)]
    [InlineData(ulong.MaxValue, 1, false)]
    [InlineData(ulong.MaxValue - 3, int.MaxValue, false)]
    [InlineData(1UL, int.MaxValue, false)]
    public void Slices_AreWithinTheMemory(ulong address, int length, bool isThere)
    {
        using var memory = GuestMemory.Create(0x1000);

        Assert.Equal(isThere, memory.TrySlice(address, length, out var bytes));
        Assert.Equal(isThere ? length : 0, bytes.Length);
        if (!isThere)
        {
            Assert.Throws<GuestMemoryException>(() => { memory.Slice(address, length); });
        }
    }

    [Fact]
    public void Hole_IsNoMemory_AndNothingReachesOverIt()
    {
        using var memory = GuestMemory.Create((3L << 30) + 0x2000);

        Assert.True(memory.TrySlice(GuestMemory.HoleStart - 1, 1, out _));
        Assert.False(memory.TrySlice(GuestMemory.HoleStart - 1, 2, out _));
        Assert.False(memory.TrySlice(GuestMemory.HoleStart, 1, out _));
        Assert.False(memory.TrySlice(GuestMemory.HoleEnd - 1, 2, out _));
        Assert.True(memory.TrySlice(GuestMemory.HoleEnd, 0x2000, out _));
        Assert.False(memory.TrySlice(GuestMemory.HoleEnd, 0x2001, out _));
        memory.Slice(GuestMemory.HoleEnd, 1)[0] = 7;
        Assert.Equal(0, memory.Slice(0, 1)[0]);
    }

    [Fact]
    public void Discard_GivesPagesBack_AndNoOthers()
    {
        using var memory = GuestMemory.Create(0x4000);
        memory.Slice(0, 0x4000).Fill(1);

        memory.Discard(0x1000, 0x2000);

        Assert.Equal(0x2000, memory.Slice(0, 0x4000).ToArray().Count(b => b == 1));
        Assert.All(memory.Slice(0x1000, 0x2000).ToArray(), b => Assert.Equal(0, b));
        Assert.Throws<GuestMemoryException>(() => memory.Discard(0x3000, 0x2000));
        Assert.Throws<GuestMemoryException>(() => memory.Discard(ulong.MaxValue - 0xFFF, 0x2000));
    }
}
