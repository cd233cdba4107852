using Xunit;

namespace Crisp.Linux.Tests;

public sealed class MemoryMappingTests
{
    [Fact]
    public void Mapping_IsTheFile()
    {
        using var file = Sized(8192);
        using var mapping = MemoryMapping.Map(file, 8192);
        mapping.Slice(4096, 3).Fill(7);
        var read = new byte[4];

        Files.ReadAt(file, read, 4096);

        Assert.Equal([7, 7, 7, 0], read);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 4097)]
    [InlineData(4096, 1)]
    [InlineData(long.MaxValue, 1)]
    [InlineData(0, -1)]
    public void Slice_OutsideOfIt_IsRefused(long offset, int length)
    {
        using var file = Sized(8192);
        using var mapping = MemoryMapping.Map(file, 4096);

        Assert.Throws<ArgumentOutOfRangeException>(() => { mapping.Slice(offset, length); });
    }

    [Fact]
    public void DisposedMapping_IsRefused()
    {
        using var file = Sized(4096);
        var mapping = MemoryMapping.Map(file, 4096);
        mapping.Dispose();

        Assert.Throws<ObjectDisposedException>(() => { mapping.Slice(0, 1); });
    }

    [Fact]
    public void SealedSize_CannotChange_AndHolesCanBePunched()
    {
        using var file = Sized(8192);
        Memfd.SealSize(file);

        Assert.Equal(Errno.EPERM, Assert.Throws<LinuxException>(() => Files.Truncate(file, 4096)).Errno);
        Files.WriteAll(file, [.. Enumerable.Repeat((byte)1, 8192)]);
        Memfd.PunchHole(file, 4096, 4096);

        var read = new byte[2];
        Files.ReadAt(file, read, 4095);
        Assert.Equal([1, 0], read);
        Assert.False(Memfd.IsSealed(file));
    }

    private static FileDescriptor Sized(long length)
    {
        var file = Memfd.Create("crisp-test");
        Files.Truncate(file, length);
        return file;
    }
}
