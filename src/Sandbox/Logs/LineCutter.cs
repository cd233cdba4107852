namespace Crisp.Sandbox.Logs;

/// <summary>Cuts one stream's bytes, in pieces of any size, into log entries. Not for several threads.</summary>
/// <remarks>
/// A line of more than 16 KiB becomes several entries, all but the last of them partial: readers of CRI logs put them
/// together again, so that no byte is lost or added.
/// </remarks>
internal sealed class LineCutter(LogBuffers buffers)
{
    /// <summary>Bytes of a line in one entry, as containerd has it (max_container_log_line_size).</summary>
    public const int MaxLine = 16 << 10;

    private byte[]? _bytes;
    private int _start;
    private int _end;
    private int _scanned;
    private int _peeked;

    public bool IsEmpty => _start == _end;

    /// <summary>Room for the next read, at least <see cref="MaxLine"/> − 1 bytes when every whole entry was taken.</summary>
    public Span<byte> Room()
    {
        _bytes ??= buffers.Rent();
        if (_start > 0)
        {
            _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
            _end -= _start;
            _scanned -= _start;
            _start = 0;
        }

        return _bytes.AsSpan(_end);
    }

    /// <summary>So many bytes were written to the start of <see cref="Room"/>.</summary>
    public void Advance(int count) => _end += count;

    /// <summary>The last bytes that were added. They stay until the next call of <see cref="Room"/>.</summary>
    public ReadOnlySpan<byte> Newest(int count) => _bytes.AsSpan(_end - count, count);

    /// <summary>The next entry, if it is there: without its newline. It stays until <see cref="Take"/>.</summary>
    /// <param name="isFull">False for a piece of a line that goes on.</param>
    public bool TryPeek(out ReadOnlySpan<byte> line, out bool isFull)
    {
        var waiting = _bytes.AsSpan(_start, _end - _start);
        var reach = Math.Min(waiting.Length, MaxLine + 1);
        var from = _scanned - _start;
        var newline = from < reach ? waiting[from..reach].IndexOf((byte)'\n') : -1;
        isFull = newline >= 0;
        if (isFull)
        {
            line = waiting[..(from + newline)];
            _peeked = line.Length + 1;
            return true;
        }

        if (waiting.Length > MaxLine)
        {
            line = waiting[..MaxLine];
            _peeked = MaxLine;
            return true;
        }

        _scanned = _end;
        line = default;
        return false;
    }

    /// <summary>At the end of the stream: what stands there without a newline.</summary>
    public bool TryPeekRest(out ReadOnlySpan<byte> line)
    {
        line = _bytes.AsSpan(_start, _end - _start);
        _peeked = line.Length;
        return line.Length > 0;
    }

    /// <summary>Removes what was peeked at.</summary>
    public void Take()
    {
        _start += _peeked;
        _scanned = _start;
        _peeked = 0;
    }

    /// <summary>Gives the buffer back while nothing is in it.</summary>
    public void Rest()
    {
        if (IsEmpty && _bytes is not null)
        {
            buffers.Return(_bytes);
            _bytes = null;
            (_start, _end, _scanned) = (0, 0, 0);
        }
    }
}
