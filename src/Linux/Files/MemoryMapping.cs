using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>A file in memory, shared with everybody who maps it (mmap(2), MAP_SHARED).</summary>
/// <remarks>
/// What lies in it may change at any time, even between two reads of the same byte. Spans do not keep it alive: whoever owns
/// it disposes of it only when no thread has one left.
/// </remarks>
public sealed class MemoryMapping : IDisposable
{
    private nint _address;

    private MemoryMapping(nint address, long length)
    {
        _address = address;
        Length = length;
    }

    /// <summary>In bytes.</summary>
    public long Length { get; }

    /// <summary>Where it lies, for calls that take addresses.</summary>
    public ulong Address => (ulong)_address;

    /// <summary>mmap(2) of a file's beginning.</summary>
    /// <param name="file">Must not become shorter while it is mapped: a touch behind its end is SIGBUS.</param>
    public static MemoryMapping Map(FileDescriptor file, long length, bool writable = true)
    {
        const int ProtRead = 1;
        const int ProtWrite = 2;
        const int MapShared = 1;
        const int MapNoreserve = 0x4000;
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        var protection = ProtRead | (writable ? ProtWrite : 0);
        nint address;
        // SAFETY: the kernel chooses where, so nothing that exists is replaced.
        unsafe
        {
            address = (nint)Libc.mmap(null, (nuint)length, protection, MapShared | MapNoreserve, file, 0);
        }

        return new MemoryMapping(Check.Result(address, "mmap", file), length);
    }

    /// <summary>Bytes of it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not all within it.</exception>
    public Span<byte> Slice(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_address == 0, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        // SAFETY: offset and length were just found to lie within the mapping, which is still there.
        unsafe
        {
            return new Span<byte>((byte*)_address + offset, length);
        }
    }

    public void Dispose()
    {
        var address = Interlocked.Exchange(ref _address, 0);
        if (address != 0)
        {
            // SAFETY: the mapping is this object's own, and its owner says that nobody uses it any more.
            unsafe
            {
                Check.Result(Libc.munmap((void*)address, (nuint)Length), "munmap");
            }
        }
    }
}
