using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Events;

/// <summary>
/// One client's queue of events. It is bounded in number and in bytes: a client that does not read is told so and dropped, so
/// that it costs neither memory nor other people's time.
/// </summary>
public sealed class EventSubscription
{
    /// <summary>More than the pods of a full node bring about at once.</summary>
    public const int MostEvents = 4096;

    /// <summary>Annotations make events as large as their pods' authors like.</summary>
    public const long MostBytes = 16 << 20;

    private readonly Channel<ContainerEventResponse> _queue = Channel.CreateUnbounded<ContainerEventResponse>();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _bytes;
    private int _count;

    /// <summary>Fails with the reason when the subscription ends, so that a write to a client that does not read ends too.</summary>
    public Task Ended => _ended.Task;

    /// <summary>The events in their order, as they come. Fails with the reason when the subscription ends.</summary>
    public async IAsyncEnumerable<ContainerEventResponse> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        while (await _queue.Reader.WaitToReadAsync(cancellation))
        {
            while (_queue.Reader.TryRead(out var one))
            {
                Interlocked.Add(ref _bytes, -one.CalculateSize());
                Interlocked.Decrement(ref _count);
                yield return one;
            }
        }
    }

    /// <summary>Queues an event. Never waits.</summary>
    internal void Add(ContainerEventResponse one)
    {
        if (Interlocked.Increment(ref _count) > MostEvents || Interlocked.Add(ref _bytes, one.CalculateSize()) > MostBytes)
        {
            End(new CriException(
                StatusCode.ResourceExhausted,
                $"The client has left {MostEvents} events or {MostBytes >> 20} MiB of them unread and is dropped. List the pods and subscribe again."));
            return;
        }

        _queue.Writer.TryWrite(one);
    }

    internal void End(Exception reason)
    {
        _queue.Writer.TryComplete(reason);
        _ended.TrySetException(reason);

        // Nobody may be waiting for it now, which is no error of anybody's.
        _ = _ended.Task.Exception;
    }
}
