using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Tests.Api;
using Xunit;

namespace Crisp.NodeAgent.Tests.Kubernetes;

public sealed class SwitchLeaseTests : IAsyncLifetime
{
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(5);
    private readonly SteppedTime _time = new();
    private ApiServer _server = null!;
    private Cluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _server.AddLease();
        _cluster = new Cluster(_server.Client, TimeSpan.FromMilliseconds(5), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        Assert.Empty(_server.Objections);
        _cluster.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task OneOfTwo_HasIt_UntilItGivesItBack()
    {
        var (one, two) = (Lease("n1"), Lease("n2"));
        Assert.Null(await one.TryTakeAsync(s_long, default));
        Assert.Equal("n1", await two.TryTakeAsync(s_long, default));
        Assert.Null(await one.TryTakeAsync(s_long, default));

        await two.ReleaseAsync(default);
        Assert.Equal("n1", _server.LeaseHolder);
        await one.ReleaseAsync(default);
        Assert.Null(_server.LeaseHolder);
        Assert.Null(await two.TryTakeAsync(s_long, default));
    }

    [Fact]
    public async Task ManyAtOnce_AreOneInTheEnd()
    {
        var holders = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Lease($"n{i}").TryTakeAsync(s_long, default)));
        Assert.Single(holders, h => h is null);
    }

    [Fact]
    public async Task HolderThatIsSilent_LosesIt_ByTheClockOfTheOneWhoWaits()
    {
        var (one, two) = (Lease("n1"), Lease("n2"));
        await one.TryTakeAsync(TimeSpan.FromSeconds(60), default);
        // A clock that is a year off on the holder's node decides nothing.
        _server.Change(ApiServer.LeasePath, l => l["spec"]!["renewTime"] = "2020-01-01T00:00:00.000000Z");
        Assert.Equal("n1", await two.TryTakeAsync(s_long, default));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("n1", await two.TryTakeAsync(s_long, default));

        await one.TryTakeAsync(TimeSpan.FromSeconds(60), default);
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("n1", await two.TryTakeAsync(s_long, default));
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Null(await two.TryTakeAsync(s_long, default));
        Assert.Equal("n2", await one.TryTakeAsync(s_long, default));
    }

    [Fact]
    public async Task AnswerThatIsLost_IsNotTakenForARefusal()
    {
        var losses = 1;
        _server.LosesAnswer = request => request.StartsWith("PUT", StringComparison.Ordinal) && losses-- > 0;
        Assert.Null(await Lease("n1").TryTakeAsync(s_long, default));
        Assert.Equal("n1", _server.LeaseHolder);
    }

    private SwitchLease Lease(string node) => new(_cluster, ApiServer.Space, "crisp-node-agent", node, _time);

    private sealed class SteppedTime : TimeProvider
    {
        private long _ticks = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan time) => _ticks += time.Ticks;
    }
}
