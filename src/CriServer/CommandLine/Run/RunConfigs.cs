using System.Globalization;
using System.Text;
using Crisp.Cri.V1;

namespace Crisp.CriServer.CommandLine.Run;

/// <summary>The CRI messages of <c>crisp run</c>.</summary>
internal static class RunConfigs
{
    /// <summary>Pods of crisp run are in this namespace of CRI metadata, which no cluster has by default.</summary>
    public const string Namespace = "crisp";

    /// <summary>Label of pods that crisp run has made, and that crisp rm therefore removes with their last container.</summary>
    public const string ManagedLabel = "crisp.dev/run";

    /// <summary>Annotation: the directory of the pod's logs, which crisp rm removes.</summary>
    public const string LogDirectoryAnnotation = "crisp.dev/log-directory";

    private const long CpuPeriod = 100_000;

    /// <param name="logs">The directory beneath which each pod's logs have one of their own.</param>
    public static PodSandboxConfig Pod(RunSettings settings, RunNetwork network, string logs)
    {
        var uid = Guid.NewGuid().ToString();
        var name = settings.Pod ?? $"{ContainerName(settings)}-{uid[..6]}";
        var directory = Path.Combine(logs, $"{Namespace}_{name}_{uid}");
        var config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = name, Uid = uid, Namespace = Namespace },
            Hostname = network == RunNetwork.Node ? "" : settings.Hostname ?? Hostname(name),
            LogDirectory = directory,
            Labels = { [ManagedLabel] = "true" },
            Annotations = { [LogDirectoryAnnotation] = directory },
            Linux = new LinuxPodSandboxConfig
            {
                // As the kubelet sums up those of the containers: a virtual machine is as large as that.
                Resources = Resources(settings),
                SecurityContext = new LinuxSandboxSecurityContext
                {
                    Privileged = settings.Privileged,
                    NamespaceOptions = Namespaces(network),
                },
            },
        };
        config.PortMappings.AddRange(settings.Ports.Select(RunArguments.Port));
        return config;
    }

    /// <param name="network">That of the pod, which CRI wants in the container's options too.</param>
    public static ContainerConfig Container(RunSettings settings, RunNetwork network)
    {
        var name = ContainerName(settings);
        var security = new LinuxContainerSecurityContext
        {
            Privileged = settings.Privileged,
            ReadonlyRootfs = settings.ReadOnly,
            NamespaceOptions = Namespaces(network),
            Capabilities = new Capability(),
        };
        security.Capabilities.AddCapabilities.AddRange(settings.AddedCapabilities);
        security.Capabilities.DropCapabilities.AddRange(settings.DroppedCapabilities);
        if (settings.User is { } user)
        {
            RunArguments.User(user, security);
        }

        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = name },
            Image = new ImageSpec { Image = settings.Image },
            WorkingDir = settings.WorkingDirectory ?? "",
            LogPath = $"{name}.log",
            Linux = new LinuxContainerConfig { Resources = Resources(settings), SecurityContext = security },
        };
        if (settings.Entrypoint is { } entrypoint)
        {
            config.Command.Add(entrypoint);
        }

        config.Args.AddRange(settings.Arguments);
        config.Envs.AddRange(settings.Environment.Select(RunArguments.Variable));
        config.Mounts.AddRange(settings.Volumes.Select(RunArguments.Volume));
        foreach (var (key, value) in settings.Labels.Select(RunArguments.Label))
        {
            config.Labels[key] = value;
        }

        return config;
    }

    /// <summary>The given name, or the last part of the image's: registry.example/team/web:1 is "web".</summary>
    public static string ContainerName(RunSettings settings)
    {
        if (settings.Name is { } given)
        {
            return given;
        }

        var last = settings.Image[(settings.Image.LastIndexOf('/') + 1)..];
        var end = last.AsSpan().IndexOfAny(':', '@');
        return end > 0 ? last[..end] : last;
    }

    // RFC 1123: what a name has beyond letters, digits and dashes becomes a dash.
    private static string Hostname(string name)
    {
        const int Longest = 63;
        var host = new StringBuilder(name.Length);
        foreach (var c in name)
        {
            host.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        }

        return host.ToString(0, Math.Min(host.Length, Longest)).Trim('-');
    }

    private static NamespaceOption Namespaces(RunNetwork network) => new()
    {
        Network = network == RunNetwork.Node ? NamespaceMode.Node : NamespaceMode.Pod,
        Pid = NamespaceMode.Container,
        Ipc = NamespaceMode.Pod,
    };

    private static LinuxContainerResources Resources(RunSettings settings)
    {
        var resources = new LinuxContainerResources();
        if (settings.Memory is { } memory)
        {
            resources.MemoryLimitInBytes = RunArguments.Bytes(memory);
        }

        if (settings.Cpus is { } cpus)
        {
            resources.CpuPeriod = CpuPeriod;
            resources.CpuQuota = cpus > 0
                ? (long)(cpus * CpuPeriod)
                : throw new CommandException($"--cpus {cpus.ToString(CultureInfo.InvariantCulture)}: give a number above 0, for example 1.5.");
        }

        return resources;
    }
}
