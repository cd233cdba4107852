using Crisp.Linux;

namespace Crisp.Sandbox.Logs;

/// <summary>One stream of a container's output: a pipe or a terminal, read without blocking.</summary>
internal sealed class LogSource(FileDescriptor file, bool isTerminal, bool isStderr, LogBuffers buffers) : IDisposable
{
    // What the terminal's own buffers hold at most is a few pages.
    private const int TerminalRest = 64 << 10;

    public FileDescriptor File => file;

    public LineCutter Lines { get; } = new(buffers);

    public bool IsStderr => isStderr;

    public ReadOnlySpan<byte> Name => isStderr ? "stderr"u8 : "stdout"u8;

    public bool HasEnded { get; private set; }

    /// <summary>How much its processes had written that is still unread, once all of them are dead.</summary>
    public int BytesLeft() => isTerminal ? TerminalRest : Files.BytesReadable(file);

    /// <summary>One read.</summary>
    /// <returns>How many bytes came.</returns>
    public int Read()
    {
        var count = Files.TryRead(file, Lines.Room(), out var errno);
        if (count > 0)
        {
            Lines.Advance(count);
            return count;
        }

        // EIO of a terminal: nobody holds its other side any more.
        HasEnded |= errno != Errno.EAGAIN;
        return 0;
    }

    /// <summary>Nothing more is read.</summary>
    public void End() => HasEnded = true;

    public void Dispose() => file.Dispose();
}
