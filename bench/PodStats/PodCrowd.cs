using System.Collections.Concurrent;
using Crisp.Cri.V1;
using Crisp.PodLife;

namespace Crisp.PodStats;

/// <summary>Many pods with a sleeping container each; its disposal removes them.</summary>
internal sealed class PodCrowd(CriClient client, string image, bool podNetwork, string cgroupParent) : IAsyncDisposable
{
    private const int Parallel = 4;
    private readonly ConcurrentBag<string> _pods = [];
    private readonly string _logs = Directory.CreateTempSubdirectory("crisp-bench-").FullName;

    public async Task AddAsync(int count, CancellationToken cancellation)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellation };
        await System.Threading.Tasks.Parallel.ForEachAsync(Enumerable.Range(0, count), options, async (number, _) => await AddOneAsync(number));
    }

    public async ValueTask DisposeAsync()
    {
        await System.Threading.Tasks.Parallel.ForEachAsync(_pods, new ParallelOptions { MaxDegreeOfParallelism = Parallel }, async (pod, _) =>
        {
            await client.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod }, cancellationToken: CancellationToken.None);
            await client.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod }, cancellationToken: CancellationToken.None);
        });
        Directory.Delete(_logs, recursive: true);
    }

    private async Task AddOneAsync(int number)
    {
        var runtime = client.Runtime;
        var config = PodConfig(number);
        var pod = (await runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config })).PodSandboxId;
        _pods.Add(pod);
        var create = new CreateContainerRequest { PodSandboxId = pod, SandboxConfig = config, Config = ContainerConfig() };
        var container = (await runtime.CreateContainerAsync(create)).ContainerId;
        await runtime.StartContainerAsync(new StartContainerRequest { ContainerId = container });
    }

    // Labels and annotations of the size that a kubelet gives.
    private PodSandboxConfig PodConfig(int number) => new()
    {
        Metadata = new PodSandboxMetadata { Name = $"bench-{number}", Uid = Guid.NewGuid().ToString(), Namespace = "bench" },
        LogDirectory = Path.Combine(_logs, $"{number}"),
        Hostname = podNetwork ? "bench" : "",
        Labels = { ["app"] = "bench", ["io.kubernetes.pod.name"] = $"bench-{number}", ["io.kubernetes.pod.namespace"] = "bench" },
        Annotations = { ["kubernetes.io/config.seen"] = "2026-01-02T03:04:05.678901234Z", ["kubernetes.io/config.source"] = "api" },
        Linux = new LinuxPodSandboxConfig
        {
            CgroupParent = cgroupParent,
            SecurityContext = new LinuxSandboxSecurityContext { NamespaceOptions = Namespaces },
        },
    };

    private ContainerConfig ContainerConfig() => new()
    {
        Metadata = new ContainerMetadata { Name = "app" },
        Image = new ImageSpec { Image = image },
        Command = { "sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait" },
        LogPath = "app.log",
        Labels = { ["io.kubernetes.container.name"] = "app", ["io.kubernetes.pod.namespace"] = "bench" },
        Annotations = { ["io.kubernetes.container.hash"] = "12345678", ["io.kubernetes.container.restartCount"] = "0" },
        Linux = new LinuxContainerConfig
        {
            Resources = new LinuxContainerResources { CpuShares = 512, MemoryLimitInBytes = 64 << 20 },
            SecurityContext = new LinuxContainerSecurityContext { NamespaceOptions = Namespaces },
        },
    };

    private NamespaceOption Namespaces => new()
    {
        Network = podNetwork ? NamespaceMode.Pod : NamespaceMode.Node,
        Pid = NamespaceMode.Container,
        Ipc = NamespaceMode.Pod,
    };
}
