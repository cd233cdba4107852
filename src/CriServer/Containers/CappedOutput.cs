namespace Crisp.CriServer.Containers;

/// <summary>
/// Reads a stream to its end and keeps its first 16 MiB: the command goes on undisturbed, and the daemon's memory is safe
/// from it (CVE-2022-1708, CVE-2022-31030).
/// </summary>
public sealed class CappedOutput : IDisposable
{
    public const int MaxBytes = 16 << 20;

    private readonly Stream _stream;
    private readonly MemoryStream _kept = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reading;

    public CappedOutput(Stream stream)
    {
        _stream = stream;
        _reading = ReadAsync();
    }

    /// <summary>What came until the end of the stream, or until the patience is over.</summary>
    public async Task<ReadOnlyMemory<byte>> TakeAsync(TimeSpan patience)
    {
        await Task.WhenAny(_reading, Task.Delay(patience));
        await _stop.CancelAsync();
        await _reading;
        return _kept.GetBuffer().AsMemory(0, (int)_kept.Length);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _reading.ContinueWith(_ => _stop.Dispose(), TaskScheduler.Default);
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[16 << 10];
        try
        {
            for (int count; (count = await _stream.ReadAsync(buffer, _stop.Token)) > 0;)
            {
                _kept.Write(buffer, 0, (int)Math.Min(count, MaxBytes - _kept.Length));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // Nobody waits any longer, or the pod's process has gone: what came is what there is.
        }
    }
}
