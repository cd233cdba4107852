using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Networking;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Network;
using Crisp.Sandbox.Spec;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>
    /// Makes a pod. The record is written first and turned Ready last, so that a crash at any moment leaves either a ready
    /// pod or a record that the next start rolls back.
    /// </summary>
    public override async Task<RunPodSandboxResponse> RunPodSandbox(RunPodSandboxRequest request, ServerCallContext context)
    {
        var config = request.Config ?? throw CriException.Invalid("RunPodSandbox needs a config.");
        var name = SandboxNameOf(config);
        _node.Handlers.Require(request.RuntimeHandler);
        var digest = RequestDigest.Of(request);
        var id = await _node.Creations.RunAsync($"pod {name}", digest, () => RunAsync(request, name, digest), context.CancellationToken);

        // A caller that has given up meanwhile will retry, and must get this pod.
        if (!context.CancellationToken.IsCancellationRequested)
        {
            _node.Index.FindSandbox(id)?.MarkAnswered();
        }

        return new RunPodSandboxResponse { PodSandboxId = id };
    }

    private async Task<string> RunAsync(RunPodSandboxRequest request, SandboxName name, string digest)
    {
        if (_node.Index.Sandboxes.FirstOrDefault(s => s.Record.Metadata == name) is { } existing)
        {
            // The answer to the first call was lost, with its caller or with the daemon: this is the retry.
            return !existing.Record.Answered && existing.Record.RequestDigest == digest && existing.Record.Stage == SandboxStage.Ready
                ? existing.Id
                : throw CriException.Exists($"The pod {name} exists already, as {existing.Id}. Remove it first, or use another attempt.");
        }

        var config = request.Config;
        var security = config.Linux?.SecurityContext;
        if (security is { RunAsGroup: not null, RunAsUser: null })
        {
            throw CriException.Invalid("run_as_group needs run_as_user.");
        }

        CheckDns(config.DnsConfig);
        LayerSizes.Check(config.Annotations, _node.LayerQuotas);
        var resources = SandboxResourcesOf(config.Linux?.Resources, config.Linux?.Overhead);
        var vm = VmSpecOf(request, resources);
        var options = security?.NamespaceOptions ?? new NamespaceOption();
        var network = options.Network == NamespaceMode.Pod ? PodCapabilities.From(config) : null;
        if (network is not null)
        {
            // Before anything is made: a node that is just joining is asked for every pod again and again.
            _node.Network.Configured();
        }

        var id = Identifier.Create();
        var record = new SandboxRecord
        {
            Id = id,
            Stage = SandboxStage.Creating,
            Metadata = name,
            CreatedAt = Node.Now(),
            Labels = config.Labels.ToDictionary(),
            Annotations = config.Annotations.ToDictionary(),
            RuntimeHandler = request.RuntimeHandler,
            LogDirectory = LogDirectory(config),
            Privileged = security?.Privileged ?? false,
            Namespaces = NamespaceModesOf(options),
            Spec = SandboxSpecBuilder.Build(id, config, _node.DefaultCgroupParent, _node.Config.CgroupDriver) with { Vm = vm },
            Resources = resources,
            HostPorts = HostPorts.Of(network),
            RequestDigest = digest,
        };
        _node.SandboxRecords.Write(record);
        Failpoint.Hit(FailpointName.SandboxRecorded);
        var sandbox = new LiveSandbox(record, _node.SandboxRecords);
        _node.Index.Add(sandbox);
        try
        {
            await BringUpAsync(sandbox, config, network);
            return id;
        }
        catch (Exception e)
        {
            Log.RollingBack(_node.Logger, id, e.Message);
            await SandboxRollBack.RunAsync(_node, sandbox);
            throw;
        }
    }

    private async Task BringUpAsync(LiveSandbox sandbox, PodSandboxConfig config, CapabilityArguments? network)
    {
        var record = sandbox.Record;
        HostPorts.Claim(_node.Index, record);
        MakeLogDirectory(record.LogDirectory);
        var files = _node.FilesOf(record);
        var maps = record.Spec;
        var hostname = record.Spec.Hostname ?? Environment.MachineName;
        var owner = maps.UidMappings.Count > 0 ? (maps.UidMappings[0].HostId, maps.GidMappings[0].HostId) : (0u, 0u);
        files.Write(config, hostname, owner);
        PrivateDirectory.Create(_node.SandboxRunDirectory(record.Id));
        if (record.Spec is { IpcNamespace: true, Vm: null })
        {
            files.MountShm();
        }

        Failpoint.Hit(FailpointName.SandboxFilesMade);
        var link = await SandboxLink.LaunchAsync(_node, record);
        sandbox.Link = link;
        Failpoint.Hit(FailpointName.SandboxProcessLaunched);
        link.Learn(await link.Client.StartAsync(record.Spec));
        Failpoint.Hit(FailpointName.SandboxProcessStarted);
        IReadOnlyList<string> addresses = [];
        if (network is not null)
        {
            sandbox.NetworkNamespace = link.OpenNetworkNamespace();
            addresses = await _node.Network.AddAsync(record, network, link.Namespaces["net"]);
            files.WriteHosts(hostname, addresses, owner);
        }

        Failpoint.Hit(FailpointName.SandboxNetworkJoined);
        if (record.Spec.Vm is not null)
        {
            await link.Client.BootAsync();
            Failpoint.Hit(FailpointName.SandboxBooted);
        }

        sandbox.Change(r => r with { Stage = SandboxStage.Ready, Process = link.Identity, Addresses = addresses });
        Failpoint.Hit(FailpointName.SandboxReady);
        SandboxWatch.Begin(_node, sandbox, link, afterSequence: 0);
    }

    /// <returns>The machine that the pod is to be; null for pods made of namespaces.</returns>
    /// <exception cref="CriException">INVALID_ARGUMENT for what no machine has; FAILED_PRECONDITION where none can run.</exception>
    private VmSpec? VmSpecOf(RunPodSandboxRequest request, SandboxResources resources)
    {
        if (_node.Handlers.MachineOf(request.RuntimeHandler) is not { } runtime)
        {
            return null;
        }

        VmLimits.Check(request.Config);
        if (_node.Handlers.ProblemOf(runtime) is { } problem)
        {
            throw CriException.Precondition(problem);
        }

        var image = _node.Handlers.ImageOf(runtime);
        var size = MachineSize.Of(runtime, resources, Environment.ProcessorCount);
        return new VmSpec
        {
            Kernel = image.KernelPath,
            Initramfs = image.InitramfsPath,
            Vcpus = size.Vcpus,
            MemoryBytes = size.MemoryBytes,
            DiskSlots = runtime.BlockDevices,
        };
    }

    // The kubelet makes it beforehand; crictl expects it to appear.
    private static void MakeLogDirectory(string path)
    {
        try
        {
            if (path.Length > 0)
            {
                Directory.CreateDirectory(path, (UnixFileMode)0x1ED);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CriException(StatusCode.InvalidArgument, $"The log_directory {path} cannot be made: {e.Message}", e);
        }
    }

    // They become lines of a file in which every word has a meaning.
    private static void CheckDns(DNSConfig? dns)
    {
        var words = dns is null ? [] : dns.Servers.Concat(dns.Searches).Concat(dns.Options);
        if (words.FirstOrDefault(w => w.Length == 0 || w.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))) is { } wrong)
        {
            throw CriException.Invalid($"dns_config has \"{wrong}\", which is not one word.");
        }
    }

    private static SandboxName SandboxNameOf(PodSandboxConfig config)
    {
        var metadata = config.Metadata ?? throw CriException.Invalid("RunPodSandbox needs config.metadata: it names the pod.");
        return metadata.Name.Length > 0 && metadata.Uid.Length > 0 && metadata.Namespace.Length > 0
            ? new SandboxName(metadata.Name, metadata.Uid, metadata.Namespace, metadata.Attempt)
            : throw CriException.Invalid("config.metadata needs a name, a uid and a namespace.");
    }

    private static string LogDirectory(PodSandboxConfig config)
    {
        var path = config.LogDirectory;
        return path.Length == 0 || AbsolutePath.Is(path)
            ? path
            : throw CriException.Invalid($"log_directory \"{path}\" must be an absolute path without \"..\".");
    }

    private static NamespaceModes NamespaceModesOf(NamespaceOption options) => new()
    {
        Network = options.Network,
        Pid = options.Pid,
        Ipc = options.Ipc,
        TargetId = options.TargetId,
        User = options.UsernsOptions?.Mode,
    };
}
