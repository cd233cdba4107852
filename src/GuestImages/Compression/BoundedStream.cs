namespace Crisp.GuestImages.Compression;

/// <summary>Content that is written to memory, up to a limit.</summary>
internal sealed class BoundedStream(long limit) : MemoryStream
{
    /// <exception cref="InvalidDataException">It becomes longer than the limit.</exception>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc cref="Write(byte[], int, int)"/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > limit - Length)
        {
            throw new InvalidDataException($"Its content is longer than {limit} bytes.");
        }

        // Not by MemoryStream's own methods: in a derived class the one for spans calls the one for arrays, which is this.
        EnsureRoom(buffer.Length);
        var start = (int)Length;
        SetLength(start + buffer.Length);
        buffer.CopyTo(GetBuffer().AsSpan(start));
        Position = Length;
    }

    private void EnsureRoom(int more)
    {
        if (Length + more > Capacity)
        {
            Capacity = (int)Math.Min(Math.Max(Length + more, Capacity * 2L), limit);
        }
    }
}
