using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>Parts of one mapping, for readv(2) and its kin: so that data goes straight between a file and the mapping.</summary>
/// <param name="mapping">Whoever uses the vector keeps the mapping until the call has returned.</param>
/// <param name="most">Parts; IOV_MAX is 1024.</param>
public sealed class MemoryVector(MemoryMapping mapping, int most)
{
    private readonly iovec[] _parts = new iovec[most];
    private int _count;

    /// <summary>All parts together, in bytes.</summary>
    public long Length { get; private set; }

    internal ReadOnlySpan<iovec> Parts => _parts.AsSpan(0, _count);

    public void Clear() => (_count, Length) = (0, 0);

    /// <returns>False when it has as many parts as it can have.</returns>
    /// <exception cref="ArgumentException">The bytes are not the mapping's.</exception>
    public bool TryAdd(ReadOnlySpan<byte> part)
    {
        if (_count == _parts.Length)
        {
            return false;
        }

        // SAFETY: the address is only compared until it is known to be within the mapping, which does not move.
        unsafe
        {
            var address = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(part));
            var offset = (ulong)address - mapping.Address;
            if (offset > (ulong)mapping.Length || (ulong)part.Length > (ulong)mapping.Length - offset)
            {
                throw new ArgumentException("The bytes are no part of the mapping.", nameof(part));
            }

            _parts[_count++] = new iovec { iov_base = address, iov_len = part.Length };
        }

        Length += part.Length;
        return true;
    }
}
