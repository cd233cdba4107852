using Crisp.Cri.V1;

namespace Crisp.PodLife;

/// <param name="CgroupParent">Empty leaves it to the runtime; a kubelet always names one.</param>
internal sealed record LifeOptions(string Image, int Runs, bool PodNetwork, string CgroupParent);

/// <summary>One pod after the other, each with one container, from RunPodSandbox to RemovePodSandbox.</summary>
internal sealed class Life(CriClient client, LifeOptions options)
{
    private readonly Timings _timings = new();
    private readonly string _logs = Directory.CreateTempSubdirectory("crisp-bench-").FullName;

    public async Task<Timings> RunAsync(CancellationToken cancellation)
    {
        try
        {
            for (var run = 0; run < options.Runs; run++)
            {
                await OnceAsync(run, cancellation);
            }

            return _timings;
        }
        finally
        {
            Directory.Delete(_logs, recursive: true);
        }
    }

    private async Task OnceAsync(int run, CancellationToken cancellation)
    {
        var runtime = client.Runtime;
        var config = PodConfig(run);
        var pod = (await _timings.MeasureAsync(
            "RunPodSandbox",
            () => runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config }, cancellationToken: cancellation).ResponseAsync)).PodSandboxId;
        try
        {
            var create = new CreateContainerRequest { PodSandboxId = pod, SandboxConfig = config, Config = ContainerConfig() };
            var container = (await _timings.MeasureAsync(
                "CreateContainer", () => runtime.CreateContainerAsync(create, cancellationToken: cancellation).ResponseAsync)).ContainerId;
            await _timings.MeasureAsync(
                "StartContainer",
                () => runtime.StartContainerAsync(new StartContainerRequest { ContainerId = container }, cancellationToken: cancellation).ResponseAsync);
            var exec = new ExecSyncRequest { ContainerId = container, Cmd = { "true" }, Timeout = 30 };
            var executed = await _timings.MeasureAsync("ExecSync", () => runtime.ExecSyncAsync(exec, cancellationToken: cancellation).ResponseAsync);
            if (executed.ExitCode != 0)
            {
                throw new InvalidOperationException($"\"true\" ended with {executed.ExitCode}: {executed.Stderr.ToStringUtf8()}");
            }

            var stop = new StopContainerRequest { ContainerId = container, Timeout = 10 };
            await _timings.MeasureAsync("StopContainer", () => runtime.StopContainerAsync(stop, cancellationToken: cancellation).ResponseAsync);
            await _timings.MeasureAsync(
                "RemoveContainer",
                () => runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = container }, cancellationToken: cancellation).ResponseAsync);
        }
        finally
        {
            await _timings.MeasureAsync(
                "StopPodSandbox", () => runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod }).ResponseAsync);
            await _timings.MeasureAsync(
                "RemovePodSandbox", () => runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod }).ResponseAsync);
        }
    }

    private PodSandboxConfig PodConfig(int run) => new()
    {
        Metadata = new PodSandboxMetadata { Name = $"bench-{run}", Uid = Guid.NewGuid().ToString(), Namespace = "bench" },
        LogDirectory = Path.Combine(_logs, $"{run}"),
        Hostname = options.PodNetwork ? "bench" : "",
        Linux = new LinuxPodSandboxConfig
        {
            CgroupParent = options.CgroupParent,
            SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = Namespaces },
        },
    };

    // The shell is PID 1 and would ignore SIGTERM, which has no default action there: trap it, as a well-kept image does.
    private ContainerConfig ContainerConfig() => new()
    {
        Metadata = new ContainerMetadata { Name = "app" },
        Image = new ImageSpec { Image = options.Image },
        Command = { "sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait" },
        LogPath = "app.log",
        Linux = new LinuxContainerConfig
        {
            Resources = new LinuxContainerResources { CpuShares = 512, MemoryLimitInBytes = 64 << 20 },
            SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = Namespaces },
        },
    };

    private NamespaceOption Namespaces => new()
    {
        Network = options.PodNetwork ? NamespaceMode.Pod : NamespaceMode.Node,
        Pid = NamespaceMode.Container,
        Ipc = NamespaceMode.Pod,
    };
}
