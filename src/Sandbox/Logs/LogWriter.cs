using Crisp.Linux;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Logs;

/// <summary>Writes entries in CRI's format: <c>TIME stdout F text</c>, F for a full line, P for a part. Not for several threads.</summary>
/// <param name="file">Null throws everything away.</param>
internal sealed class LogWriter(LogFile? file, LogBuffers buffers) : IDisposable
{
    private const int TagLength = 10; // " stdout F "
    private readonly LogTime _time = new();
    private byte[]? _bytes;
    private int _start;
    private int _end;
    private bool _failing;

    /// <summary>Adds an entry.</summary>
    /// <param name="stream">"stdout" or "stderr".</param>
    /// <returns>False when there is no room before the next <see cref="TryFlush"/>.</returns>
    public bool TryAdd(ReadOnlySpan<byte> stream, ReadOnlySpan<byte> line, bool isFull)
    {
        if (file is null)
        {
            return true;
        }

        _bytes ??= buffers.Rent();
        var length = LogTime.Length + TagLength + line.Length + 1;
        if (_bytes.Length - _end < length)
        {
            return false;
        }

        var entry = _bytes.AsSpan(_end, length);
        _time.Write(DateTime.UtcNow, entry);
        var rest = entry[LogTime.Length..];
        rest[0] = (byte)' ';
        stream.CopyTo(rest[1..]);
        rest[7] = (byte)' ';
        rest[8] = isFull ? (byte)'F' : (byte)'P';
        rest[9] = (byte)' ';
        line.CopyTo(rest[TagLength..]);
        entry[^1] = (byte)'\n';
        _end += length;
        return true;
    }

    /// <summary>Writes what was added.</summary>
    /// <returns>False when the disk takes no more; to be tried again.</returns>
    public bool TryFlush()
    {
        while (_start < _end)
        {
            var count = file!.Write(_bytes.AsSpan(_start, _end - _start), out var errno);
            _start += count;
            if (count == 0)
            {
                Tell(errno);
                return false;
            }
        }

        if (_failing)
        {
            _failing = false;
            Diagnostics.Say($"The log {file!.Path} can be written again.");
        }

        (_start, _end) = (0, 0);
        return true;
    }

    /// <summary>
    /// Goes on in a new file. What a full disk has kept from the old one goes to the new one, from the beginning of the entry
    /// that was cut short.
    /// </summary>
    public void Reopen()
    {
        file?.Reopen();
        if (_start < _end)
        {
            _start = _bytes.AsSpan(0, _start).LastIndexOf((byte)'\n') + 1;
        }
    }

    /// <summary>Gives the buffer back while nothing is in it.</summary>
    public void Rest()
    {
        if (_end == 0 && _bytes is not null)
        {
            buffers.Return(_bytes);
            _bytes = null;
        }
    }

    public void Dispose() => file?.Dispose();

    // Once for each trouble, not once for each try.
    private void Tell(Errno errno)
    {
        if (!_failing)
        {
            _failing = true;
            Diagnostics.Say($"The log {file!.Path} cannot be written: {errno.Describe()}. Its container's output waits until it can.");
        }
    }
}
