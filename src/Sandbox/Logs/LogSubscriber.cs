using System.Diagnostics;
using Crisp.Linux;

namespace Crisp.Sandbox.Logs;

/// <summary>A client that is attached to one stream of a container's output. Used by the log's thread alone.</summary>
/// <remarks>
/// The socket's buffer is the only queue. A client that does not keep up slows the container down for a moment, as a slow
/// terminal would, and is closed when it has used up its patience: the log must not depend on it. Patience grows again
/// four times as slowly as it is used, so that a client that reads a byte now and then cannot make the container crawl.
/// </remarks>
/// <param name="socket">A copy of the client's socket, which does not block; closed with this.</param>
/// <param name="gone">Called when nothing more will be written.</param>
internal sealed class LogSubscriber(FileDescriptor socket, bool isStderr, Action gone) : IDisposable
{
    private const int Recovery = 4;
    private static readonly TimeSpan _fullPatience = TimeSpan.FromSeconds(1);
    private TimeSpan _patience = _fullPatience;
    private long _lastWait = Stopwatch.GetTimestamp();

    public bool IsStderr => isStderr;

    /// <returns>False when the client is gone, or too slow.</returns>
    public bool TryWrite(ReadOnlySpan<byte> bytes)
    {
        while (true)
        {
            var count = Files.TryWrite(socket, bytes, out var errno);
            if (count == bytes.Length)
            {
                return true;
            }

            if (count >= 0)
            {
                bytes = bytes[count..];
            }
            else if (errno != Errno.EAGAIN || !Wait())
            {
                return false;
            }
        }
    }

    public void Dispose()
    {
        socket.Dispose();
        gone();
    }

    private bool Wait()
    {
        var begin = Stopwatch.GetTimestamp();
        var recovered = _patience + (Stopwatch.GetElapsedTime(_lastWait, begin) / Recovery);
        _patience = recovered < _fullPatience ? recovered : _fullPatience;
        var ready = Poll.WaitWritable(socket, _patience);
        _lastWait = Stopwatch.GetTimestamp();
        _patience -= Stopwatch.GetElapsedTime(begin, _lastWait);
        return ready && _patience > TimeSpan.Zero;
    }
}
