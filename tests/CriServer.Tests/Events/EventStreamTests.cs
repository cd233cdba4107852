using System.Diagnostics;
using Crisp.Cri.V1;
using Crisp.CriServer.Events;
using Crisp.CriServer.State;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.State;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Events;

/// <summary>GetContainerEvents over real gRPC.</summary>
public sealed class EventStreamTests : IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    private InProcessServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await InProcessServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task EveryClient_GetsEveryEventAsItHappens()
    {
        using var first = await ListenAsync();
        using var second = await ListenAsync();
        var container = Add();
        foreach (var call in new[] { first, second })
        {
            Assert.True(await call.ResponseStream.MoveNext().WaitAsync(_patience));
            Assert.Equal((container.Id, ContainerEventType.ContainerCreatedEvent), (call.ResponseStream.Current.ContainerId, call.ResponseStream.Current.ContainerEventType));
        }

        EventState.Start(container);
        Assert.True(await second.ResponseStream.MoveNext().WaitAsync(_patience));
        Assert.Equal(ContainerState.ContainerRunning, Assert.Single(second.ResponseStream.Current.ContainersStatuses).State);
    }

    [Fact]
    public async Task ClientThatGoes_IsForgotten()
    {
        var call = await ListenAsync();
        Assert.Equal(1, _server.Node.Events.Subscribers);
        call.Dispose();
        for (var clock = Stopwatch.StartNew(); _server.Node.Events.Subscribers > 0; await Task.Delay(10))
        {
            Assert.True(clock.Elapsed < _patience, "The subscription of a client that has gone is still there.");
        }
    }

    [Fact]
    public async Task ClientThatDoesNotRead_IsDroppedWithAStatusAndHoldsUpNobody()
    {
        using var lazy = await ListenAsync();
        using var eager = await ListenAsync();
        var container = Add(size: 1 << 20);
        var read = 0;
        var reading = CountAsync(eager, count => Volatile.Write(ref read, count));
        var slowest = TimeSpan.Zero;
        var events = 3 * (int)(EventSubscription.MostBytes >> 20);
        for (var i = 0; i < events; i++)
        {
            var start = Stopwatch.GetTimestamp();
            _server.Node.Events.Removed(container);
            slowest = TimeSpan.FromTicks(Math.Max(slowest.Ticks, Stopwatch.GetElapsedTime(start).Ticks));

            // As fast as the other client reads, whatever the machine: it would be dropped like the first if it fell behind.
            for (var clock = Stopwatch.StartNew(); Volatile.Read(ref read) < i; await Task.Delay(1))
            {
                Assert.True(clock.Elapsed < _patience, $"The client that reads has {Volatile.Read(ref read)} events of {i}.");
            }
        }

        // The daemon has let go of it, although the call's last bytes still wait for its client.
        for (var clock = Stopwatch.StartNew(); _server.Node.Events.Subscribers > 1; await Task.Delay(10))
        {
            Assert.True(clock.Elapsed < _patience, "A client that does not read is still subscribed.");
        }

        var error = await Assert.ThrowsAsync<RpcException>(() => CountAsync(lazy).WaitAsync(_patience));
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Contains("subscribe again", error.Status.Detail, StringComparison.Ordinal);
        Assert.True(slowest < TimeSpan.FromSeconds(1), $"One event took {slowest}.");
        EventState.Stop(container);
        Assert.Equal(events + 2, await reading.WaitAsync(_patience));
    }

    [Fact]
    public async Task DaemonThatStops_EndsTheStreamsAndWaitsForNone()
    {
        using var call = await ListenAsync();
        var start = Stopwatch.GetTimestamp();
        await _server.App.StopAsync().WaitAsync(_patience);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5));
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext().WaitAsync(_patience));
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
    }

    /// <summary>A client that has its headers, and so misses nothing from now on.</summary>
    private async Task<AsyncServerStreamingCall<ContainerEventResponse>> ListenAsync()
    {
        var call = _server.Connect().GetContainerEvents(new GetEventsRequest());
        await call.ResponseHeadersAsync.WaitAsync(_patience);
        return call;
    }

    /// <summary>Reads until the container has stopped.</summary>
    private static async Task<int> CountAsync(AsyncServerStreamingCall<ContainerEventResponse> call, Action<int>? progress = null)
    {
        var count = 0;
        await foreach (var one in call.ResponseStream.ReadAllAsync())
        {
            count++;
            progress?.Invoke(count);
            if (one.ContainerEventType == ContainerEventType.ContainerStoppedEvent)
            {
                break;
            }
        }

        return count;
    }

    private LiveContainer Add(int size = 0)
    {
        var node = _server.Node;
        var sandbox = new LiveSandbox(Records.Sandbox(), node.SandboxRecords);
        node.Index.Add(sandbox);
        var record = Records.Container(sandbox.Id) with
        {
            Stage = ContainerStage.Created,
            Exit = null,
            Annotations = new Dictionary<string, string> { ["a"] = new('x', size) },
        };
        var container = new LiveContainer(record, node.ContainerRecords);
        node.Index.Add(container);
        return container;
    }
}
