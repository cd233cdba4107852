using Crisp.Linux;

namespace Crisp.Images.Import;

/// <summary>A part of an open file as a stream of its own: many can be read at once.</summary>
/// <param name="leaveOpen">Whether the file stays open when the stream is disposed.</param>
internal sealed class FileRegion(FileDescriptor file, long start, long length, bool leaveOpen) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => _position = value;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var wanted = (int)Math.Min(buffer.Length, Math.Max(0, length - _position));
        var count = wanted == 0 ? 0 : Files.ReadAt(file, buffer[..wanted], start + _position);
        _position += count;
        return count;
    }

    public override long Seek(long offset, SeekOrigin origin)
    {
        _position = offset + origin switch
        {
            SeekOrigin.Begin => 0,
            SeekOrigin.Current => _position,
            _ => length,
        };
        return _position;
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !leaveOpen)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }
}
