namespace Crisp.Network;

/// <summary>Keeps the last bytes of a stream.</summary>
internal sealed class TailBuffer(int capacity)
{
    private readonly byte[] _bytes = new byte[capacity];
    private long _written;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes[Math.Max(0, bytes.Length - capacity)..])
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
