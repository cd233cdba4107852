namespace Crisp.Linux;

/// <summary>Keeps the last bytes of a stream.</summary>
public sealed class TailBuffer(int capacity)
{
    private readonly byte[] _bytes = new byte[capacity];
    private long _written;

    /// <summary>Whether there was more.</summary>
    public bool IsCut => _written > capacity;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        var skipped = Math.Max(0, bytes.Length - capacity);
        _written += skipped;
        foreach (var b in bytes[skipped..])
        {
            _bytes[_written++ % capacity] = b;
        }
    }

    public byte[] ToArray()
    {
        var count = (int)Math.Min(_written, capacity);
        var result = new byte[count];
        for (var i = 0; i < count; i++)
        {
            result[i] = _bytes[(_written - count + i) % capacity];
        }

        return result;
    }
}
