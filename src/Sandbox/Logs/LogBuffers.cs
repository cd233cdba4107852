namespace Crisp.Sandbox.Logs;

/// <summary>Buffers for the logs of all containers. A container that is silent has none. For any thread.</summary>
internal sealed class LogBuffers
{
    /// <summary>An unfinished line of the greatest length, and room for a read behind it.</summary>
    public const int Size = 2 * LineCutter.MaxLine;

    private const int MaxKept = 6;
    private readonly Stack<byte[]> _kept = new();

    public byte[] Rent()
    {
        lock (_kept)
        {
            return _kept.TryPop(out var buffer) ? buffer : new byte[Size];
        }
    }

    public void Return(byte[] buffer)
    {
        lock (_kept)
        {
            if (_kept.Count < MaxKept)
            {
                _kept.Push(buffer);
            }
        }
    }
}
