using System.Diagnostics;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Tests.Api;
using Xunit;

namespace Crisp.NodeAgent.Tests.Kubernetes;

public sealed class ClusterTests : IAsyncLifetime
{
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(5);
    private readonly List<string> _counted = [];
    private ApiServer _server = null!;
    private Cluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _server.AddNode("n1");
        _server.AddLease();
        _cluster = new Cluster(_server.Client, s_retry, TimeProvider.System, (call, outcome) => _counted.Add($"{call}: {outcome}"));
    }

    public async ValueTask DisposeAsync()
    {
        Assert.Empty(_server.Objections);
        _cluster.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task ServerThatFailsForAMoment_IsAskedAgain(int status)
    {
        var faults = 3;
        _server.Faults = _ => faults-- > 0 ? new Fault(status, RetryAfter: 0) : null;

        Assert.Equal("n1", (await _cluster.GetNodeAsync("n1", default)).Metadata.Name);
        Assert.Equal([$"get node: {status}", $"get node: {status}", $"get node: {status}", "get node: ok"], _counted);
    }

    [Fact]
    public async Task RetryAfter_IsWaitedFor()
    {
        var faults = 1;
        _server.Faults = _ => faults-- > 0 ? new Fault(429, RetryAfter: 1) : null;
        var clock = Stopwatch.StartNew();

        await _cluster.GetNodeAsync("n1", default);
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(0.95), $"asked again after {clock.Elapsed}");
    }

    [Fact]
    public async Task ServerThatIsGone_IsAnErrorInTheEnd_AndWorksWhenItIsBack()
    {
        _server.IsGone = true;
        var error = await Assert.ThrowsAsync<ClusterException>(() => _cluster.GetNodeAsync("n1", default));
        Assert.Null(error.Status);
        Assert.StartsWith("The API server did not get node n1: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, _server.Requests.Count);

        _server.IsGone = false;
        await _cluster.GetNodeAsync("n1", default);
    }

    [Fact]
    public async Task Refusal_IsNotAskedAgain()
    {
        _server.Faults = _ => new Fault(403, "nodes \"n1\" is forbidden: no RBAC policy matched");
        var error = await Assert.ThrowsAsync<ClusterException>(() => _cluster.GetNodeAsync("n1", default));

        Assert.Equal("The API server did not get node n1: 403, nodes \"n1\" is forbidden: no RBAC policy matched", error.Message);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task Patch_ChangesWhatItNames_AndNothingElse()
    {
        _server.Change(ApiServer.NodePath("n1"), n => n["spec"]!["providerID"] = "others'");
        await _cluster.PatchNodeAsync("n1", new NodePatch(new Dictionary<string, string?> { ["crisp.dev/kvm"] = "true" }, Unschedulable: true), default);
        Assert.Equal("true", _server.Label("n1", "crisp.dev/kvm"));
        Assert.True(_server.IsCordoned("n1"));
        Assert.Equal("n1", _server.Label("n1", "kubernetes.io/hostname"));
        Assert.Equal("others'", $"{_server.Node("n1")["spec"]!["providerID"]}");

        await _cluster.PatchNodeAsync("n1", new NodePatch(new Dictionary<string, string?> { ["crisp.dev/kvm"] = null }, Unschedulable: false), default);
        Assert.Null(_server.Label("n1", "crisp.dev/kvm"));
        Assert.False(_server.IsCordoned("n1"));
        Assert.Empty(_server.Objections);
    }

    [Fact]
    public async Task Lists_AreReadToTheirLastPage()
    {
        _server.PageSize = 2;
        for (var i = 0; i < 5; i++)
        {
            _server.AddPod($"p{i}", "n1");
            _server.AddPod($"q{i}", "n2");
        }

        var pods = await _cluster.ListPodsAsync("n1", default);
        Assert.Equal(["p0", "p1", "p2", "p3", "p4"], pods.Select(p => p.Metadata.Name));
    }

    [Fact]
    public async Task Lease_ThatSomebodyElseWroteSince_IsNotReplaced()
    {
        var lease = await _cluster.GetLeaseAsync(ApiServer.Space, "crisp-node-agent", default);
        _server.Change(ApiServer.LeasePath, l => l["metadata"]!["annotations"] = new System.Text.Json.Nodes.JsonObject { ["a"] = "b" });

        Assert.Null(await _cluster.ReplaceLeaseAsync(lease, default));
    }

    [Fact]
    public async Task Watch_TellsOfChanges_UntilItIsDropped()
    {
        var node = await _cluster.GetNodeAsync("n1", default);
        _server.AddNode("n2");
        var seen = 0;
        var watch = Task.Run(async () =>
        {
            await foreach (var _ in _cluster.WatchNodeAsync("n1", node.Metadata.ResourceVersion, default))
            {
                Interlocked.Increment(ref seen);
            }
        });
        _server.Change(ApiServer.NodePath("n1"), n => n["metadata"]!["labels"]!["a"] = "1");
        await Eventually.HoldsAsync(() => Volatile.Read(ref seen) == 1, "the first change is seen");
        _server.Change(ApiServer.NodePath("n1"), n => n["metadata"]!["labels"]!["a"] = "2");
        await Eventually.HoldsAsync(() => Volatile.Read(ref seen) == 2, "the second change is seen");

        _server.DropWatches();
        await watch.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(2, seen);
    }

    [Fact]
    public async Task Watch_FromAForgottenVersion_Ends()
    {
        _server.Compact();
        await foreach (var _ in _cluster.WatchNodeAsync("n1", "1", default))
        {
            Assert.Fail("A change was told.");
        }
    }

    [Fact]
    public async Task Watch_OfAServerThatRefuses_IsAnError()
    {
        _server.Faults = r => r.EndsWith("?watch", StringComparison.Ordinal) ? new Fault(500, "etcd") : null;
        var error = await Assert.ThrowsAsync<ClusterException>(async () =>
        {
            await foreach (var _ in _cluster.WatchNodeAsync("n1", "1000", default))
            {
            }
        });
        Assert.Equal("The API server did not watch node n1: 500, etcd", error.Message);
    }
}
