using System.Diagnostics;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Grpc.Core;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Container": lives, executions and what a process finds.</summary>
public sealed class ContainerTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Life_HasItsStatesTimesAndExitCode()
    {
        var pod = await Cri.PodAsync();
        var container = await Cri.CreateAsync(pod, ["sh", "-c", "read line; exit 7"], c => c.Stdin = true);
        var created = await Cri.StatusAsync(container);
        Assert.Equal((ContainerState.ContainerCreated, 0, 0), (created.State, created.StartedAt, created.FinishedAt));
        await Cri.StartAsync(container);
        var running = await Cri.StatusAsync(container);
        Assert.Equal((ContainerState.ContainerRunning, 0), (running.State, running.FinishedAt));
        await Cri.StopAsync(container);
        var exited = await Cri.EndAsync(container);
        Assert.True(exited.CreatedAt > 0 && exited.StartedAt >= exited.CreatedAt && exited.FinishedAt >= exited.StartedAt);
        Assert.Equal(7, (await Cri.EndAsync(await Cri.LaunchAsync(pod, ["sh", "-c", "exit 7"]))).ExitCode);
    }

    [Fact]
    public async Task Attributes_ComeBackUnaltered()
    {
        ContainerConfig? sent = null;
        var pod = await Cri.PodAsync();
        var container = await Cri.CreateAsync(pod, ["true"], c =>
        {
            c.Labels.Add("tier", "front");
            c.Annotations.Add("a.b/c", "line\nnext");
            c.Metadata.Attempt = 4;
            sent = c;
        });
        var status = await Cri.StatusAsync(container);
        Assert.Equal((sent!.Metadata, sent.Labels, sent.Annotations), (status.Metadata, status.Labels, status.Annotations));
        Assert.EndsWith(sent.LogPath, status.LogPath, StringComparison.Ordinal);
        var listed = Assert.Single((await Cri.Runtime.ListContainersAsync(new ListContainersRequest { Filter = new ContainerFilter { Id = container } })).Containers);
        Assert.Equal((sent.Metadata, sent.Labels, sent.Annotations, pod), (listed.Metadata, listed.Labels, listed.Annotations, listed.PodSandboxId));
    }

    [Fact]
    public async Task UserSpecifiedImage_ComesBack()
    {
        const string name = "example.com/as-the-user-wrote-it";
        var container = await Cri.CreateAsync(await Cri.PodAsync(), ["true"], c => c.Image.UserSpecifiedImage = name);
        Assert.Equal(name, (await Cri.StatusAsync(container)).Image.UserSpecifiedImage);
    }

    [Fact]
    public async Task List_IsFilteredByPodStateAndLabels()
    {
        var pod = await Cri.PodAsync();
        var one = await Cri.SleeperAsync(pod);
        var two = await Cri.CreateAsync(pod, ["true"], c => c.Labels.Add("tier", Cri.Id));
        var other = await Cri.CreateAsync(await Cri.PodAsync(), ["true"], c => c.Labels.Add("tier", Cri.Id));
        Assert.Equivalent(new[] { one, two }, await ListAsync(new ContainerFilter { PodSandboxId = pod }), strict: true);
        Assert.Equivalent(new[] { two, other }, await ListAsync(new ContainerFilter { LabelSelector = { ["tier"] = Cri.Id } }), strict: true);
        var created = new ContainerFilter { PodSandboxId = pod, State = new ContainerStateValue { State = ContainerState.ContainerCreated } };
        Assert.Equal([two], await ListAsync(created));
    }

    [Fact]
    public async Task Remove_TakesCreatedRunningAndStoppedOnes()
    {
        var pod = await Cri.PodAsync();
        var running = await Cri.SleeperAsync(pod);
        var stopped = await Cri.SleeperAsync(pod);
        await Cri.StopAsync(stopped);
        foreach (var container in new[] { await Cri.CreateAsync(pod, ["true"]), running, stopped })
        {
            await Cri.RemoveAsync(container);
            Assert.Empty(await ListAsync(new ContainerFilter { Id = container }));
        }
    }

    [Fact]
    public async Task Stop_AsksFirstAndKillsInTheEnd()
    {
        var pod = await Cri.PodAsync();
        var polite = await Cri.LaunchAsync(pod, ["sh", "-c", "trap 'exit 3' TERM; touch /ready; while :; do sleep 0.1; done"]);
        var deaf = await Cri.LaunchAsync(pod, ["sh", "-c", "trap '' TERM; touch /ready; while :; do sleep 0.1; done"]);
        foreach (var container in new[] { polite, deaf })
        {
            await Cri.ExecAsync(container, "sh", "-c", "until [ -e /ready ]; do sleep 0.05; done");
        }

        await Cri.StopAsync(polite, timeout: 20);
        Assert.Equal(3, (await Cri.StatusAsync(polite)).ExitCode);
        var clock = Stopwatch.StartNew();
        await Cri.StopAsync(deaf, timeout: 1);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.9, 20);
        Assert.Equal(137, (await Cri.StatusAsync(deaf)).ExitCode);
    }

    [Fact]
    public async Task ExecSync_AnswersWithBothStreamsAndTheCode()
    {
        var container = await Cri.SleeperAsync(await Cri.PodAsync());
        Assert.Equal((5, "out\n", "err\n"), await Cri.ExecAsync(container, "sh", "-c", "echo out; echo err >&2; exit 5"));
    }

    [Fact]
    public async Task ExecSync_IsOverAfterItsTimeout()
    {
        var container = await Cri.SleeperAsync(await Cri.PodAsync());
        var request = new ExecSyncRequest { ContainerId = container, Timeout = 1, Cmd = { "sleep", "4" } };
        Assert.Equal(StatusCode.DeadlineExceeded, (await CriCalls.RefusedAsync(async () => await Cri.Runtime.ExecSyncAsync(request))).Code);
    }

    [Fact]
    public async Task ExecSync_KeepsSixteenMebibytesOfAStreamAndDropsTheRest()
    {
        var container = await Cri.SleeperAsync(await Cri.PodAsync());
        var request = new ExecSyncRequest { ContainerId = container, Timeout = 60, Cmd = { "sh", "-c", "head -c 17000000 /dev/zero; exit 6" } };
        var response = await Cri.Runtime.ExecSyncAsync(request);
        Assert.Equal((6, 16 << 20), (response.ExitCode, response.Stdout.Length));
    }

    [Fact]
    public async Task Process_HasItsArgumentsEnvironmentAndDirectory()
    {
        var output = await Cri.ScriptAsync("echo $0-$1-$VALUE-$(pwd)", c =>
        {
            c.Args.AddRange(["zero", "one"]);
            c.Envs.Add(CriCalls.Env("VALUE", "a=b c"));
            c.WorkingDir = "/home";
        });
        Assert.Equal("zero-one-a=b c-/home", output);
    }

    [Fact]
    public async Task Update_ChangesWhatTheStatusTells()
    {
        var container = await Cri.RunAsync(["sleep", "1000"], c => c.Linux.Resources.MemoryLimitInBytes = 64 << 20);
        var limits = new LinuxContainerResources { MemoryLimitInBytes = 128 << 20, CpuShares = 512 };
        await Cri.Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest { ContainerId = container, Linux = limits });
        var told = (await Cri.StatusAsync(container)).Resources.Linux;
        Assert.Equal((128 << 20, 512), (told.MemoryLimitInBytes, told.CpuShares));
    }

    [Fact]
    public async Task OutOfMemory_IsTheReason()
    {
        var pod = await Cri.PodAsync();
        var status = await Cri.EndAsync(await Cri.LaunchAsync(pod, ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=40M"], c =>
        {
            c.Linux.Resources.MemoryLimitInBytes = 20 << 20;
            c.Linux.Resources.MemorySwapLimitInBytes = 20 << 20;
        }));
        Assert.Equal((137, "OOMKilled"), (status.ExitCode, status.Reason));
    }

    [Fact]
    public async Task Events_TellTheLife()
    {
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var call = Cri.Runtime.GetContainerEvents(new GetEventsRequest(), cancellationToken: end.Token);
        // Which not every runtime sends before its first event.
        await Task.WhenAny(call.ResponseHeadersAsync, Task.Delay(TimeSpan.FromSeconds(1)));
        var pod = await Cri.PodAsync();
        var container = await Cri.SleeperAsync(pod);
        await Cri.StopAsync(container);
        await Cri.RemoveAsync(container);
        var seen = new List<ContainerEventType>();
        while (seen.LastOrDefault(ContainerEventType.ContainerCreatedEvent) != ContainerEventType.ContainerDeletedEvent)
        {
            Assert.True(await NextAsync(call.ResponseStream, end.Token), $"no end of {container}'s life after {string.Join(", ", seen)}");
            if (call.ResponseStream.Current is { } e && e.ContainerId == container)
            {
                seen.Add(e.ContainerEventType);
            }
        }

        Assert.Equal(
            [ContainerEventType.ContainerCreatedEvent, ContainerEventType.ContainerStartedEvent, ContainerEventType.ContainerStoppedEvent, ContainerEventType.ContainerDeletedEvent],
            seen);
    }

    private async Task<List<string>> ListAsync(ContainerFilter filter)
        => [.. (await Cri.Runtime.ListContainersAsync(new ListContainersRequest { Filter = filter })).Containers.Select(c => c.Id)];

    private static async Task<bool> NextAsync(IAsyncStreamReader<ContainerEventResponse> stream, CancellationToken cancellation)
    {
        try
        {
            return await stream.MoveNext(cancellation);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Cancelled)
        {
            return false;
        }
    }
}
