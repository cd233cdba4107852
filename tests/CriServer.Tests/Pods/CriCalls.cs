using System.Collections.Concurrent;
using System.Diagnostics;
using Crisp.Cri.V1;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Short ways to a runtime's calls, with configurations that a test changes where it matters.</summary>
public abstract class CriCalls
{
    // A kubelet tells a pod's configuration with each of its containers, and some runtimes look nowhere else.
    private readonly ConcurrentDictionary<string, PodSandboxConfig> _pods = [];
    private int _names;

    public abstract RuntimeService.RuntimeServiceClient Runtime { get; }

    /// <summary>The parent that pods ask for.</summary>
    public abstract string CgroupParent { get; }

    /// <summary>The image of containers that name no other.</summary>
    public virtual string Image => TestImage.Busybox;

    public abstract string LogDirectory(string pod);

    internal PodSandboxConfig PodConfig(Action<PodSandboxConfig>? change = null)
    {
        var name = $"pod-{Interlocked.Increment(ref _names)}";
        var config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = name, Uid = Guid.NewGuid().ToString(), Namespace = "default" },
            LogDirectory = LogDirectory(name),
            Linux = new LinuxPodSandboxConfig
            {
                CgroupParent = CgroupParent,
                SecurityContext = new LinuxSandboxSecurityContext
                {
                    NamespaceOptions = new NamespaceOption { Network = NamespaceMode.Node, Pid = NamespaceMode.Container },
                },
            },
        };
        change?.Invoke(config);
        return config;
    }

    /// <summary>A pod with a network namespace of its own.</summary>
    internal PodSandboxConfig NetworkPodConfig(Action<PodSandboxConfig>? change = null) => PodConfig(config =>
    {
        config.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;
        change?.Invoke(config);
    });

    internal async Task<string> RunPodAsync(Action<PodSandboxConfig>? change = null, string handler = "")
    {
        var config = PodConfig(change);
        var pod = (await Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config, RuntimeHandler = handler })).PodSandboxId;
        _pods[pod] = config;
        return pod;
    }

    internal ContainerConfig ContainerConfig(string[] command, Action<ContainerConfig>? change = null)
    {
        var name = $"app-{Interlocked.Increment(ref _names)}";
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = name },
            Image = new ImageSpec { Image = Image },
            LogPath = $"{name}.log",
            Linux = new LinuxContainerConfig
            {
                Resources = new LinuxContainerResources(),
                SecurityContext = new LinuxContainerSecurityContext
                {
                    NamespaceOptions = new NamespaceOption { Network = NamespaceMode.Node, Pid = NamespaceMode.Container },
                },
            },
        };
        config.Command.AddRange(command);
        change?.Invoke(config);
        return config;
    }

    internal virtual async Task<string> CreateAsync(string pod, string[] command, Action<ContainerConfig>? change = null) =>
        (await Runtime.CreateContainerAsync(new CreateContainerRequest
        {
            PodSandboxId = pod,
            Config = ContainerConfig(command, change),
            SandboxConfig = _pods.GetValueOrDefault(pod),
        })).ContainerId;

    internal async Task StartAsync(string container) =>
        await Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = container });

    /// <summary>Creates and starts.</summary>
    internal async Task<string> LaunchAsync(string pod, string[] command, Action<ContainerConfig>? change = null)
    {
        var container = await CreateAsync(pod, command, change);
        await StartAsync(container);
        return container;
    }

    internal async Task<string> SleeperAsync(string pod) => await LaunchAsync(pod, ["sleep", "1000"]);

    internal async Task StopAsync(string container, long timeout = 0) =>
        await Runtime.StopContainerAsync(new StopContainerRequest { ContainerId = container, Timeout = timeout });

    internal async Task RemoveAsync(string container) =>
        await Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = container });

    internal async Task StopPodAsync(string pod) => await Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod });

    internal async Task RemovePodAsync(string pod) => await Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod });

    internal async Task<ContainerStatus> StatusAsync(string container) =>
        (await Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container })).Status;

    internal async Task<PodSandboxStatus> PodStatusAsync(string pod) =>
        (await Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = pod })).Status;

    /// <summary>Waits until the container has ended.</summary>
    internal async Task<ContainerStatus> EndAsync(string container)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(30);)
        {
            if (await StatusAsync(container) is { State: ContainerState.ContainerExited } status)
            {
                return status;
            }

            await Task.Delay(20);
        }

        throw new TimeoutException($"The container {container} has not ended.");
    }

    /// <summary>Runs a container to its end and returns what it wrote to its log, without times.</summary>
    internal async Task<(ContainerStatus Status, string Output)> OutputAsync(string pod, string[] command, Action<ContainerConfig>? change = null)
    {
        var status = await EndAsync(await LaunchAsync(pod, command, change));
        return (status, Log(status));
    }

    /// <summary>The log's lines without time, stream and tag.</summary>
    internal static string Log(ContainerStatus status) =>
        string.Join('\n', File.ReadAllLines(status.LogPath).Select(line => line.Split(' ', 4)[3]));

    internal async Task<(int Code, string Stdout, string Stderr)> ExecAsync(string container, params string[] command)
    {
        var request = new ExecSyncRequest { ContainerId = container, Timeout = 30 };
        request.Cmd.AddRange(command);
        var response = await Runtime.ExecSyncAsync(request);
        return (response.ExitCode, response.Stdout.ToStringUtf8(), response.Stderr.ToStringUtf8());
    }

    /// <summary>The status and the sentence that a call is refused with.</summary>
    internal static async Task<(StatusCode Code, string Message)> RefusedAsync(Func<Task> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(call);
        return (error.StatusCode, error.Status.Detail);
    }

    internal static KeyValue Env(string name, string value) => new() { Key = name, Value = ByteString.CopyFromUtf8(value) };
}
