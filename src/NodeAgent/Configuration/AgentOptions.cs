using Crisp.CriServer.Configuration;
using Crisp.NodeAgent.Kubernetes;

namespace Crisp.NodeAgent.Configuration;

/// <summary>What the agent was told on its command line, where the chart's values arrive.</summary>
internal sealed record AgentOptions
{
    public required string NodeName { get; init; }

    /// <summary>Where the release's Lease is.</summary>
    public required string Namespace { get; init; }

    public string LeaseName { get; init; } = "crisp-node-agent";

    /// <summary>Where the host's root is mounted.</summary>
    public string HostRoot { get; init; } = "/host";

    /// <summary>The directory of the image with crisp, crisp-sandbox and crisp-node-agent.</summary>
    public string Programs { get; init; } = AppContext.BaseDirectory;

    /// <summary>The daemon's configuration that the host is to have; null leaves the host's own.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>The endpoint of the crisp that is installed.</summary>
    public string Endpoint { get; init; } = "unix:///run/crisp/crisp.sock";

    /// <summary>Whether the kubelet is switched over too, or an administrator does that.</summary>
    public bool SwitchKubelet { get; init; }

    public string KubeletUnit { get; init; } = "kubelet.service";

    /// <summary>Where the kubelet's endpoint may stand (<see cref="Switching.KubeletFiles"/>).</summary>
    public IReadOnlyList<string> KubeletFiles { get; init; } =
    [
        "/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet", "/var/lib/kubelet/config.yaml",
    ];

    public string KubeletHealth { get; init; } = "http://127.0.0.1:10248/healthz";

    /// <summary>How long the node may take to be Ready again after a switch before it is taken back.</summary>
    public TimeSpan SwitchPatience { get; init; } = TimeSpan.FromMinutes(10);

    public DrainOptions Drain { get; init; } = new(TimeSpan.FromMinutes(15), DeleteEmptyDirData: false, Force: false);

    /// <summary>Whether a guest image for VM pods is made where there is KVM.</summary>
    public bool BuildGuestImage { get; init; }

    /// <summary>How often the node is looked at when nothing has changed.</summary>
    public TimeSpan Resync { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often the node's abilities are looked at.</summary>
    public TimeSpan FactsInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a crisp that was installed may take to answer before the one before it comes back.</summary>
    public TimeSpan ReadyPatience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long the agent waits after a drain that did not succeed.</summary>
    public TimeSpan DrainPause { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Before a call of the API server is tried a second time.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Metrics and health, ADDRESS:PORT.</summary>
    public string Listen { get; init; } = "0.0.0.0:9742";

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    public LogFormat LogFormat { get; init; } = LogFormat.Json;
}
