using System.Buffers;

namespace Crisp.CriServer.Streaming;

/// <summary>Copies one stream to another, and knows what it waits for.</summary>
internal sealed class StreamCopy(Stream source, Stream sink, Action moved)
{
    private const int BufferSize = 16 << 10;
    private long _silentSince;

    /// <summary>To the end of the source.</summary>
    /// <exception cref="IOException">Either side is gone.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Volatile.Write(ref _silentSince, Environment.TickCount64);

            // Waits without a buffer: a session that is silent holds none.
#pragma warning disable CA2022 // Nothing is read.
            await source.ReadAsync(Memory<byte>.Empty, cancellation);
#pragma warning restore CA2022
            var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                var count = await source.ReadAsync(buffer, cancellation);
                if (count == 0)
                {
                    return;
                }

                moved();
                Volatile.Write(ref _silentSince, long.MaxValue);
                await sink.WriteAsync(buffer.AsMemory(0, count), cancellation);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    /// <summary>Whether the source has given nothing for so long. One whose sink is slow is not silent.</summary>
    public bool IsSilentFor(TimeSpan time) => Environment.TickCount64 - Volatile.Read(ref _silentSince) >= (long)time.TotalMilliseconds;
}
