using Crisp.Linux;

namespace Crisp.CriServer.CommandLine;

/// <summary>
/// Standard output or standard error by write(2). .NET's own streams swallow EPIPE, so that <c>crisp logs -f | head</c> would
/// never end, and its file streams leave the file's offset where it was, so that the shell's next program overwrites.
/// </summary>
/// <param name="number">1 or 2; it stays open.</param>
internal sealed class DescriptorStream(int number) : Stream
{
    private readonly FileDescriptor _file = new(number, ownsHandle: false);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Standard output, with a buffer.</summary>
    public static Stream Output() => new BufferedStream(new DescriptorStream(1), 64 * 1024);

    /// <summary>Text in UTF-8, each piece of it at once.</summary>
    public static TextWriter Writer(int number) => new StreamWriter(new DescriptorStream(number)) { AutoFlush = true };

    /// <summary>Standard error, with a buffer.</summary>
    public static Stream Error() => new BufferedStream(new DescriptorStream(2), 64 * 1024);

    public override void Write(ReadOnlySpan<byte> buffer) => Files.WriteAll(_file, buffer);

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
