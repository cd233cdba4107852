using System.Text.Json;
using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>RunPodSandbox, StopPodSandbox, RemovePodSandbox, status and list, over real gRPC against a real daemon.</summary>
public sealed class SandboxTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task Pod_IsReadyThenNotReadyThenGone()
    {
        PodNode.Require();
        var id = await node.RunPodAsync();
        var status = await node.PodStatusAsync(id);
        Assert.Equal(PodSandboxState.SandboxReady, status.State);
        Assert.True(status.CreatedAt > 1_600_000_000_000_000_000);
        Assert.Equal(NamespaceMode.Node, status.Linux.Namespaces.Options.Network);
        await node.StopPodAsync(id);
        Assert.Equal(PodSandboxState.SandboxNotready, (await node.PodStatusAsync(id)).State);
        await node.RemovePodAsync(id);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => node.PodStatusAsync(id))).Code);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task StopAndRemove_MayBeRepeatedAndNeedNoPod()
    {
        PodNode.Require();
        var id = await node.RunPodAsync();
        await node.SleeperAsync(id);
        await node.StopPodAsync(id);
        await node.StopPodAsync(id);
        await node.RemovePodAsync(id);
        await node.RemovePodAsync(id);
        await node.StopPodAsync(id);
        await node.StopPodAsync("0123456789abcdef");
        await node.RemovePodAsync("0123456789abcdef");
    }

    [Fact]
    public async Task Remove_OfAReadyPodStopsItFirst()
    {
        PodNode.Require();
        var id = await node.RunPodAsync();
        var container = await node.SleeperAsync(id);
        await node.RemovePodAsync(id);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => node.StatusAsync(container))).Code);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task LabelsAndAnnotations_ComeBackUnaltered()
    {
        PodNode.Require();
        var annotations = new Dictionary<string, string> { ["a/b"] = "line\n\"quoted\" ünï \u2028", [""] = "", ["big"] = new('x', 100_000) };
        var id = await node.RunPodAsync(c =>
        {
            c.Annotations.Add(annotations);
            c.Labels.Add("app", "web");
        });
        var status = await node.PodStatusAsync(id);
        Assert.Equal(annotations, status.Annotations.ToDictionary());
        var item = Assert.Single((await ListAsync(f => f.Id = id)).Items);
        Assert.Equal(annotations, item.Annotations.ToDictionary());
        Assert.Equal("web", item.Labels["app"]);
        await node.RemovePodAsync(id);
    }

    [Fact]
    public async Task List_FiltersByIdPrefixStateAndLabels()
    {
        PodNode.Require();
        var one = await node.RunPodAsync(c => c.Labels.Add("t", "filter"));
        var two = await node.RunPodAsync(c =>
        {
            c.Labels.Add("t", "filter");
            c.Labels.Add("u", "v");
        });
        await node.StopPodAsync(two);
        Assert.Equal([one, two], (await ListAsync(f => f.LabelSelector.Add("t", "filter"))).Items.Select(i => i.Id));
        Assert.Equal([two], (await ListAsync(f => f.LabelSelector.Add(new Dictionary<string, string> { ["t"] = "filter", ["u"] = "v" }))).Items.Select(i => i.Id));
        Assert.Empty((await ListAsync(f => f.LabelSelector.Add("t", "other"))).Items);
        Assert.Equal([one], (await ListAsync(f => f.Id = one[..20])).Items.Select(i => i.Id));
        Assert.DoesNotContain(one, (await ListAsync(f => f.State = new PodSandboxStateValue { State = PodSandboxState.SandboxNotready })).Items.Select(i => i.Id));
        Assert.Equal(PodSandboxState.SandboxReady, (await node.PodStatusAsync(one[..20])).State);

        using var stream = node.Runtime.StreamPodSandboxes(new StreamPodSandboxesRequest());
        var streamed = new List<string>();
        await foreach (var message in stream.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            Assert.NotEmpty(message.PodSandboxes);
            streamed.AddRange(message.PodSandboxes.Select(p => p.Id));
        }

        Assert.Equal((await ListAsync(_ => { })).Items.Select(i => i.Id), streamed);
        await node.RemovePodAsync(one);
        await node.RemovePodAsync(two);
    }

    [Fact]
    public async Task SameName_IsRefusedAndLeavesTheFirstAlone()
    {
        PodNode.Require();
        var config = node.PodConfig();
        var request = new RunPodSandboxRequest { Config = config };
        var id = (await node.Runtime.RunPodSandboxAsync(request)).PodSandboxId;
        var (code, message) = await PodNode.RefusedAsync(async () => await node.Runtime.RunPodSandboxAsync(request));
        Assert.Equal(StatusCode.AlreadyExists, code);
        Assert.Contains(id, message, StringComparison.Ordinal);
        config.Metadata.Attempt++;
        var second = (await node.Runtime.RunPodSandboxAsync(request)).PodSandboxId;
        Assert.NotEqual(id, second);
        await node.RemovePodAsync(id);
        await node.RemovePodAsync(second);
    }

    [Fact]
    public async Task CallThatTimedOut_IsFinishedForItsRetry()
    {
        PodNode.Require();
        var request = await TimedOutAsync();
        var id = (await node.Runtime.RunPodSandboxAsync(request)).PodSandboxId;
        Assert.Equal(PodSandboxState.SandboxReady, (await node.PodStatusAsync(id)).State);
        Assert.Single((await node.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items, i => i.Metadata.Name == request.Config.Metadata.Name);
        await node.RemovePodAsync(id);
    }

    // The client's timer may come later than the answer.
    private async Task<RunPodSandboxRequest> TimedOutAsync()
    {
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var request = new RunPodSandboxRequest { Config = node.PodConfig() };
            try
            {
                var answer = await node.Runtime.RunPodSandboxAsync(request, deadline: DateTime.UtcNow.AddMilliseconds(2));
                await node.RemovePodAsync(answer.PodSandboxId);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
            {
                return request;
            }
        }

        throw new InvalidOperationException("Twenty pods were there within two milliseconds each.");
    }

    [Fact]
    public async Task RuntimeHandler_IsKnownOrRefused()
    {
        PodNode.Require();
        var id = await node.RunPodAsync(handler: "crisp");
        Assert.Equal("crisp", (await node.PodStatusAsync(id)).RuntimeHandler);
        await node.RemovePodAsync(id);
        var (code, message) = await PodNode.RefusedAsync(() => node.RunPodAsync(handler: "kata"));
        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Contains("kata", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verbose_ShowsTheProcessAndTheSpecification()
    {
        PodNode.Require();
        var id = await node.RunPodAsync();
        var info = (await node.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = id, Verbose = true })).Info["info"];
        using var json = System.Text.Json.JsonDocument.Parse(info);
        var pid = json.RootElement.GetProperty("pid").GetInt32();
        Assert.Equal(id, Invariants.PodProcesses(node)[pid]);
        Assert.Equal(id, json.RootElement.GetProperty("runtimeSpec").GetProperty("id").GetString());
        await node.RemovePodAsync(id);
    }

    [Fact]
    public async Task ManyPodsAtOnce_AllRunAndAllGo()
    {
        PodNode.Require();
        var ids = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => node.RunPodAsync()));
        await Task.WhenAll(ids.Select(node.SleeperAsync));
        await Invariants.CheckAsync(node);
        await Task.WhenAll(ids.Select(node.RemovePodAsync));
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task UpdateResources_IsNotedAndOutlivesTheDaemon()
    {
        PodNode.Require();
        var id = await node.RunPodAsync(c => c.Linux.Resources = new LinuxContainerResources { MemoryLimitInBytes = 1000 });
        Assert.Equal((1000, 0), await ResourcesAsync(id));
        await UpdateAsync(id, 2000, 30);
        await node.Daemon.KillAsync();
        await node.Daemon.StartAgainAsync();
        Assert.Equal((2000, 30), await ResourcesAsync(id));
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(() => UpdateAsync(id, -7, 0))).Code);
        await node.StopPodAsync(id);
        Assert.Equal(StatusCode.FailedPrecondition, (await PodNode.RefusedAsync(() => UpdateAsync(id, 2000, 30))).Code);
        await node.RemovePodAsync(id);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => UpdateAsync(id, 2000, 30))).Code);
    }

    [Fact]
    public async Task RuntimeConfig_MayBeUpdated() => Assert.NotNull(
        await node.Runtime.UpdateRuntimeConfigAsync(new UpdateRuntimeConfigRequest { RuntimeConfig = new RuntimeConfig { NetworkConfig = new NetworkConfig { PodCidr = "10.0.0.0/24" } } }));

    private async Task UpdateAsync(string id, long memory, long overhead) => await node.Runtime.UpdatePodSandboxResourcesAsync(new UpdatePodSandboxResourcesRequest
    {
        PodSandboxId = id,
        Resources = new LinuxContainerResources { MemoryLimitInBytes = memory },
        Overhead = new LinuxContainerResources { MemoryLimitInBytes = overhead },
    });

    private async Task<(long Containers, long Overhead)> ResourcesAsync(string id)
    {
        var status = await node.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = id, Verbose = true });
        using var info = JsonDocument.Parse(status.Info["info"]);
        var resources = info.RootElement.GetProperty("resources");
        return (Memory("containers"), Memory("overhead"));

        long Memory(string name) => resources.GetProperty(name).TryGetProperty("memoryLimit", out var limit) ? limit.GetInt64() : 0;
    }

    private async Task<ListPodSandboxResponse> ListAsync(Action<PodSandboxFilter> change)
    {
        var filter = new PodSandboxFilter();
        change(filter);
        return await node.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest { Filter = filter });
    }
}
