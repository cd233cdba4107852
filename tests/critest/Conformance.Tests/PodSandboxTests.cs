using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Grpc.Core;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "PodSandbox".</summary>
public sealed class PodSandboxTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Run_MakesItReady()
    {
        var pod = await Cri.PodAsync();
        var status = await Cri.PodStatusAsync(pod);
        Assert.Equal((pod, PodSandboxState.SandboxReady), (status.Id, status.State));
        Assert.InRange(DateTimeOffset.FromUnixTimeMilliseconds(status.CreatedAt / 1_000_000), DateTimeOffset.UtcNow.AddMinutes(-2), DateTimeOffset.UtcNow.AddMinutes(1));
        Assert.Equal(PodSandboxState.SandboxReady, (await ListedAsync(pod))?.State);
    }

    [Fact]
    public async Task Stop_MakesItNotReadyAndEndsItsContainers()
    {
        var pod = await Cri.PodAsync();
        var container = await Cri.SleeperAsync(pod);
        await Cri.StopPodAsync(pod);
        Assert.Equal(PodSandboxState.SandboxNotready, (await Cri.PodStatusAsync(pod)).State);
        Assert.Equal(PodSandboxState.SandboxNotready, (await ListedAsync(pod))?.State);
        Assert.Equal(ContainerState.ContainerExited, (await Cri.StatusAsync(container)).State);
    }

    [Fact]
    public async Task Remove_ForgetsItWithItsContainers()
    {
        var pod = await Cri.PodAsync();
        var container = await Cri.CreateAsync(pod, ["true"]);
        await Cri.StopPodAsync(pod);
        await Cri.RemovePodAsync(pod);
        Assert.Null(await ListedAsync(pod));
        Assert.Equal(StatusCode.NotFound, (await CriCalls.RefusedAsync(() => Cri.PodStatusAsync(pod))).Code);
        Assert.Equal(StatusCode.NotFound, (await CriCalls.RefusedAsync(() => Cri.StatusAsync(container))).Code);
    }

    [Fact]
    public async Task Attributes_ComeBackUnaltered()
    {
        var annotations = new Dictionary<string, string> { ["a.b/c"] = "line\n\"quoted\" ünï \u2028", ["empty"] = "" };
        PodSandboxMetadata? metadata = null;
        var pod = await Cri.PodAsync(c =>
        {
            c.Annotations.Add(annotations);
            c.Labels.Add("app", "web");
            c.Metadata.Attempt = 3;
            metadata = c.Metadata;
        });
        var status = await Cri.PodStatusAsync(pod);
        Assert.Equal(metadata, status.Metadata);
        Assert.Equal("web", status.Labels.GetValueOrDefault("app"));
        Assert.Equal(annotations, status.Annotations.ToDictionary());
        var listed = await ListedAsync(pod);
        Assert.Equal(metadata, listed?.Metadata);
        Assert.Equal("web", listed?.Labels.GetValueOrDefault("app"));
        Assert.Equal(annotations, listed?.Annotations.ToDictionary());
    }

    [Fact]
    public async Task Status_TellsTheNamespaces()
    {
        var options = (await Cri.PodStatusAsync(await Cri.PodAsync())).Linux?.Namespaces?.Options;
        var network = Endpoint.IsMachine ? NamespaceMode.Pod : NamespaceMode.Node;
        Assert.Equal((network, NamespaceMode.Container, NamespaceMode.Pod), (options?.Network, options?.Pid, options?.Ipc));
    }

    [Fact]
    public async Task List_IsFilteredByIdStateAndLabels()
    {
        var one = await Cri.PodAsync(c => c.Labels.Add("conformance", Cri.Id));
        var two = await Cri.PodAsync(c => c.Labels.Add(new Dictionary<string, string> { ["conformance"] = Cri.Id, ["second"] = "yes" }));
        await Cri.StopPodAsync(two);
        Assert.Equal(2, (await ListAsync(new PodSandboxFilter { LabelSelector = { ["conformance"] = Cri.Id } })).Count);
        Assert.Equal([two], await ListAsync(new PodSandboxFilter { LabelSelector = { ["conformance"] = Cri.Id, ["second"] = "yes" } }));
        Assert.Equal([one], await ListAsync(new PodSandboxFilter { Id = one }));
        var ready = await ListAsync(new PodSandboxFilter { State = new PodSandboxStateValue { State = PodSandboxState.SandboxReady } });
        Assert.Contains(one, ready);
        Assert.DoesNotContain(two, ready);
    }

    [Fact]
    public async Task UnknownHandler_IsRefused()
        => Assert.NotEqual(StatusCode.OK, (await CriCalls.RefusedAsync(() => Cri.PodAsync(handler: "no-such-handler"))).Code);

    [Fact]
    public async Task SecondPodOfOneName_IsRefused()
    {
        var config = Cri.PodConfig(c => c.Metadata.Namespace = $"conformance-{Cri.Id}");
        Directory.CreateDirectory(config.LogDirectory);
        await Cri.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config });
        Assert.NotEqual(StatusCode.OK, (await CriCalls.RefusedAsync(async () => await Cri.Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config }))).Code);
    }

    [Fact]
    public async Task Stream_HasEachPodOnce()
    {
        var pods = new[] { await Cri.PodAsync(), await Cri.PodAsync() };
        var found = await NewInApi("v0.36", () => Cri.Runtime.StreamPodSandboxes(new StreamPodSandboxesRequest())
            .ResponseStream.ReadAllAsync().SelectMany(m => m.PodSandboxes).Select(p => p.Id).ToListAsync().AsTask());
        Assert.All(pods, p => Assert.Single(found, p));
    }

    [Fact]
    public async Task SafeSysctl_IsSet()
        => Assert.Equal("1", await Cri.ScriptAsync("cat /proc/sys/kernel/shm_rmid_forced", pod: c => c.Linux.Sysctls.Add("kernel.shm_rmid_forced", "1")));

    [Fact]
    public async Task UnsafeSysctl_IsSetToo()
        => Assert.Equal("100", await Cri.ScriptAsync("cat /proc/sys/fs/mqueue/msg_max", pod: c => c.Linux.Sysctls.Add("fs.mqueue.msg_max", "100")));

    private async Task<PodSandbox?> ListedAsync(string pod)
        => (await Cri.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items.SingleOrDefault(p => p.Id == pod);

    private async Task<List<string>> ListAsync(PodSandboxFilter filter)
        => [.. (await Cri.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest { Filter = filter })).Items.Select(p => p.Id)];
}
