using System.Diagnostics;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Networking;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>A daemon with an image, and short ways to its calls. Its disposal fails when anything of it is left on the node.</summary>
public sealed class PodNode : IAsyncLifetime
{
    private readonly string _configFile;
    private int _names;

    public PodNode() => _configFile = Network.ConfigFile;

    /// <param name="configFile">A configuration with another network than <see cref="Network"/>.</param>
    internal PodNode(string configFile) => _configFile = configFile;

    /// <summary>The network of pods that are not on the node's.</summary>
    internal LeaseNetwork Network { get; } = new();

    public CrispDaemon Daemon { get; private set; } = null!;

    public RuntimeService.RuntimeServiceClient Runtime => Daemon.Runtime;

    /// <summary>A cgroup parent of this node's own, so that what is left in it is ours.</summary>
    public string CgroupParent { get; } = $"crisp-test-{Guid.NewGuid():N}"[..20];

    public string LogDirectory(string pod) => Path.Combine(Daemon.Scratch, "logs", pod);

    public async ValueTask InitializeAsync()
    {
        if (Available())
        {
            Daemon = await CrispDaemon.StartAsync("--config", _configFile);
            await ImportAsync(new TestImage(TestImage.Busybox));
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var network = Network;
        if (Daemon is null)
        {
            return;
        }

        try
        {
            if (Daemon.HasExited)
            {
                await Daemon.StartAgainAsync();
            }

            await Daemon.RemovePodsAsync();
            await Invariants.CheckAsync(this);
            Assert.Empty(Invariants.CgroupsOf(this));
        }
        finally
        {
            await Daemon.DisposeAsync();
            Invariants.RemoveParent(this);
        }
    }

    /// <summary>Skips the calling test where no pod can run.</summary>
    public static void Require()
    {
        CrispBinaries.RequirePods();
        TestImage.RequireBusybox();
    }

    internal async Task ImportAsync(TestImage image)
    {
        var archive = image.WriteTo(Daemon.Scratch);
        await Daemon.ImportAsync(archive, image.Name);
        File.Delete(archive);
    }

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

    internal async Task<string> RunPodAsync(Action<PodSandboxConfig>? change = null, string handler = "") =>
        (await Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = PodConfig(change), RuntimeHandler = handler })).PodSandboxId;

    internal ContainerConfig ContainerConfig(string[] command, Action<ContainerConfig>? change = null)
    {
        var name = $"app-{Interlocked.Increment(ref _names)}";
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = name },
            Image = new ImageSpec { Image = TestImage.Busybox },
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

    internal async Task<string> CreateAsync(string pod, string[] command, Action<ContainerConfig>? change = null) =>
        (await Runtime.CreateContainerAsync(new CreateContainerRequest { PodSandboxId = pod, Config = ContainerConfig(command, change) })).ContainerId;

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

    private static bool Available() => Environment.IsPrivilegedProcess && CrispBinaries.Sandbox is not null && File.Exists("/usr/bin/busybox");
}
