using System.Buffers;
using System.Security.Cryptography;
using Crisp.Images.Archives;

namespace Crisp.Images.Layers;

/// <summary>Hashes and counts what is read through it, and ends the reading at a limit. Does not own the inner stream.</summary>
/// <param name="limit">Bytes; reading more throws.</param>
/// <param name="read">Told how many bytes have been read so far; throws to stop.</param>
internal sealed class HashingStream(Stream inner, long limit, Action<long>? read = null) : ForwardStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Bytes so far.</summary>
    internal long Count { get; private set; }

    /// <summary>Reads to the end and returns the digest of everything.</summary>
    internal Digest Finish()
    {
        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        while (Read(buffer) > 0)
        {
            // Whatever follows the part that mattered belongs to the digest.
        }

        ArrayPool<byte>.Shared.Return(buffer);
        return Digest.FromHash(_hash.GetHashAndReset());
    }

    public override int Read(Span<byte> buffer)
    {
        var count = inner.Read(buffer);
        Count += count;
        if (Count > limit)
        {
            throw ImageException.Bad($"There are more than the {limit} bytes that there may be.");
        }

        _hash.AppendData(buffer[..count]);
        read?.Invoke(Count);
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}
