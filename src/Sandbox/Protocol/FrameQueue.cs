using Crisp.Linux;

namespace Crisp.Sandbox.Protocol;

/// <summary>Frames on their way to a socket that does not block. Not for several threads.</summary>
internal sealed class FrameQueue(FileDescriptor socket)
{
    private readonly LinkedList<ReadOnlyMemory<byte>> _unsent = new();

    /// <summary>Of those that the socket has not taken.</summary>
    public int Bytes { get; private set; }

    public bool IsEmpty => _unsent.Count == 0;

    public void Add(byte[] frame)
    {
        _unsent.AddLast(frame);
        Bytes += frame.Length;
    }

    /// <summary>Gives the socket what it takes.</summary>
    /// <returns>False when it is broken.</returns>
    public bool TryFlush()
    {
        while (_unsent.First is { } first)
        {
            var frame = first.Value;
            var count = Files.TryWrite(socket, frame.Span, out var errno);
            if (count < 0)
            {
                return errno == Errno.EAGAIN;
            }

            Bytes -= count;
            if (count < frame.Length)
            {
                // The rest stays the first.
                first.Value = frame[count..];
                return true;
            }

            _unsent.RemoveFirst();
        }

        return true;
    }
}
