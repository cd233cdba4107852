using Crisp.Linux;

namespace Crisp.Kvm.Memory;

/// <summary>A part of the guest's memory.</summary>
/// <param name="Address">The guest's physical address.</param>
/// <param name="Length">In bytes.</param>
/// <param name="Offset">Where it begins in the file that holds it.</param>
public readonly record struct MemoryRange(ulong Address, long Length, long Offset)
{
    /// <summary>The first address behind it.</summary>
    public ulong End => Address + (ulong)Length;
}

/// <summary>The guest touched memory that it does not have, or does not have in one piece.</summary>
public sealed class GuestMemoryException(ulong address, long length)
    : Exception($"The guest has no memory of {length} bytes at 0x{address:x}.")
{
    public ulong Address { get; } = address;
}

/// <summary>The guest's memory: one memfd, mapped once, with a hole below 4 GiB for devices.</summary>
/// <remarks>
/// The guest's processors write to it while it is read here. Whoever takes a value from it copies it first and checks the
/// copy. It belongs to the machine, which disposes of it when no thread of the guest's or of a device's is left.
/// </remarks>
public sealed class GuestMemory : IDisposable
{
    /// <summary>Where the hole begins: 3 GiB.</summary>
    public const ulong HoleStart = 0xC000_0000;

    /// <summary>Where memory goes on behind the hole: 4 GiB.</summary>
    public const ulong HoleEnd = 0x1_0000_0000;

    private const long PageSize = 4096;
    private readonly FileDescriptor _file;
    private readonly MemoryRange[] _ranges;

    private GuestMemory(FileDescriptor file, MemoryMapping mapping, MemoryRange[] ranges)
    {
        _file = file;
        Mapping = mapping;
        _ranges = ranges;
    }

    /// <summary>In ascending order; none touches another.</summary>
    public IReadOnlyList<MemoryRange> Ranges => _ranges;

    /// <summary>In bytes.</summary>
    public long Length => Mapping.Length;

    internal MemoryMapping Mapping { get; }

    /// <summary>Memory that is all zeros and takes room only where it is touched.</summary>
    /// <param name="length">In bytes, a multiple of 4096.</param>
    public static GuestMemory Create(long length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, PageSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(length % PageSize, 0, nameof(length));
        var file = Memfd.Create("crisp-guest-memory");
        try
        {
            Files.Truncate(file, length);
            Memfd.SealSize(file);
            var low = Math.Min(length, (long)HoleStart);
            MemoryRange[] ranges = low == length
                ? [new MemoryRange(0, low, 0)]
                : [new MemoryRange(0, low, 0), new MemoryRange(HoleEnd, length - low, low)];
            return new GuestMemory(file, MemoryMapping.Map(file, length), ranges);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Bytes at a guest's address, in one piece.</summary>
    /// <exception cref="GuestMemoryException">They are not all memory.</exception>
    public Span<byte> Slice(ulong address, int length)
        => TrySlice(address, length, out var bytes) ? bytes : throw new GuestMemoryException(address, length);

    /// <summary>Bytes at a guest's address, in one piece.</summary>
    /// <returns>False when they are not all memory.</returns>
    public bool TrySlice(ulong address, int length, out Span<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        foreach (var range in _ranges)
        {
            // Without address + length, which a guest can make overflow.
            if (address >= range.Address && address - range.Address is var offset && offset <= (ulong)range.Length
                && (ulong)length <= (ulong)range.Length - offset)
            {
                bytes = Mapping.Slice(range.Offset + (long)offset, length);
                return true;
            }
        }

        bytes = default;
        return false;
    }

    /// <summary>Gives whole pages back to the node; the guest reads zeros there from then on.</summary>
    /// <exception cref="GuestMemoryException">They are not all memory.</exception>
    public void Discard(ulong address, int length)
    {
        foreach (var range in _ranges)
        {
            if (address >= range.Address && address < range.End && (ulong)length <= range.End - address)
            {
                Memfd.PunchHole(_file, range.Offset + (long)(address - range.Address), length);
                return;
            }
        }

        throw new GuestMemoryException(address, length);
    }

    public void Dispose()
    {
        Mapping.Dispose();
        _file.Dispose();
    }
}
