using Crisp.Cgroups;
using Crisp.Images;

namespace Crisp.CriServer.Configuration;

/// <summary>Everything an administrator can choose, complete with its defaults: a daemon without a file runs by these.</summary>
/// <remarks>Each property that can be set has its entry in <see cref="ConfigOptions"/>.</remarks>
public sealed record CrispConfig
{
    /// <summary>Images and the records of pods and containers. Survives a reboot. Mode 0700.</summary>
    public string Root { get; init; } = "/var/lib/crisp";

    /// <summary>Sockets and live state. Mode 0700.</summary>
    public string Run { get; init; } = "/run/crisp";

    /// <summary>The CRI socket, or null for crisp.sock in <see cref="Run"/>.</summary>
    public string? Socket { get; init; }

    /// <summary>The program of the pods, or null for crisp-sandbox beside this program.</summary>
    public string? SandboxBinary { get; init; }

    /// <summary>Who makes the pods' cgroups; a kubelet must use the same, and asks.</summary>
    public CgroupDriver CgroupDriver { get; init; } = CgroupDriver.Cgroupfs;

    /// <summary>
    /// The cgroup of pods that name no parent, and of the pods' own processes, beneath each hierarchy's root; with the systemd driver
    /// a slice. Null for crisp or crisp.slice.
    /// </summary>
    public string? CgroupParentPath { get; init; }

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public LogFormat LogFormat { get; init; } = LogFormat.Text;

    /// <summary>References of images that the kubelet's garbage collection must leave alone.</summary>
    public IReadOnlyList<string> PinnedImages { get; init; } = [];

    /// <summary>How many bytes the writable layer of a container may take of which its pod does not say it. Null: as many as there are.</summary>
    public long? WritableLayerSize { get; init; }

    /// <summary>Where hosts.toml files about registries lie, in containerd's layout; the first that knows a registry wins.</summary>
    public IReadOnlyList<string> RegistryHostDirectories { get; init; } = new RegistryOptions().HostDirectories;

    /// <summary>Layers of one image that are downloaded at once.</summary>
    public int ParallelDownloads { get; init; } = new RegistryOptions().MaxParallelDownloads;

    /// <summary>How long a download may go without a byte before its connection is replaced.</summary>
    public TimeSpan PullProgressTimeout { get; init; } = new RegistryOptions().ProgressTimeout;

    /// <summary>Where the network configurations of CNI lie.</summary>
    public string CniConfDirectory { get; init; } = "/etc/cni/net.d";

    /// <summary>Where CNI plugins are looked for, in this order.</summary>
    public IReadOnlyList<string> CniBinDirectories { get; init; } = ["/opt/cni/bin", "/usr/lib/cni"];

    /// <summary>What is known of the pods' networks; must survive a reboot. Null for cni in <see cref="Root"/>.</summary>
    public string? CniCacheDirectory { get; init; }

    /// <summary>How long one CNI plugin may take.</summary>
    public TimeSpan CniPluginTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Where specifications of the Container Device Interface lie; the last has the highest priority.</summary>
    public IReadOnlyList<string> CdiSpecDirectories { get; init; } = ["/etc/cdi", "/var/run/cdi"];

    /// <summary>Where Prometheus finds /metrics: an IP address and a port, 127.0.0.1:9741. Null for nowhere.</summary>
    public string? MetricsAddress { get; init; }

    /// <summary>Where clients with a URL for exec, attach or port-forward are served: an IP address and a port, 0 for any.</summary>
    public string StreamingAddress { get; init; } = "127.0.0.1:0";

    /// <summary>How long nothing may move in an exec, attach or port-forward before it is ended.</summary>
    public TimeSpan StreamingIdleTimeout { get; init; } = TimeSpan.FromHours(4);

    /// <summary>The path of criu(8), by which containers are checkpointed. Null: they are not.</summary>
    public string? Criu { get; init; }

    /// <summary>Runtime handlers beside the default one, by name.</summary>
    public IReadOnlyList<RuntimeConfig> Runtimes { get; init; } = [new RuntimeConfig("kvm")];

    /// <summary>How long a stopping daemon waits for the calls in flight.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(10);

    internal RegistryOptions Registry => new()
    {
        HostDirectories = RegistryHostDirectories,
        MaxParallelDownloads = ParallelDownloads,
        ProgressTimeout = PullProgressTimeout,
    };

    public string CgroupParent => CgroupParentOf(CgroupDriver);

    public string SocketPath => Socket ?? Path.Combine(Run, "crisp.sock");

    public string CniCacheDirectoryPath => CniCacheDirectory ?? Path.Combine(Root, "cni");

    /// <summary>The records of pods, a file for each.</summary>
    public string SandboxRecordDirectory => Path.Combine(Root, "records", "sandboxes");

    /// <summary>Where <c>crisp vm build</c> puts the image that virtual machines boot.</summary>
    public string GuestImageDirectory => Path.Combine(Root, "guest");

    /// <summary>The parent that pods of a driver have, those of an earlier configuration too.</summary>
    public string CgroupParentOf(CgroupDriver driver) =>
        driver == CgroupDriver && CgroupParentPath is { } path ? path : driver == CgroupDriver.Systemd ? "crisp.slice" : "crisp";

    public string SandboxBinaryPath =>
        SandboxBinary ?? Path.Combine(Path.GetDirectoryName(Environment.ProcessPath) ?? AppContext.BaseDirectory, "crisp-sandbox");
}
