using Crisp.Cgroups;
using Crisp.Cgroups.Systemd;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Events;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Networking;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Images;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Runtime;

/// <summary>What every call on pods and containers shares: the records, the index over them, and the node's own facts.</summary>
public sealed class Node : IDisposable
{
    private const int RunNameLength = 32;
    private const int LongestRunDirectory = 51;
    private readonly Lazy<SandboxLauncher> _launcher;

    public Node(CrispConfig config, ImageStore images, RuntimeHandlers handlers, ILogger<Node> logger)
    {
        Handlers = handlers;
        if (LinuxPath.Encode(config.Run).Length > LongestRunDirectory)
        {
            throw new StartException(
                $"The run directory {config.Run} has more than {LongestRunDirectory} bytes, so that the paths of the pods' sockets would be too long for the kernel.");
        }

        Events = new ContainerEvents(container => Index!.SandboxOf(container));
        Index = new StateIndex(Events);
        Config = config;
        Images = images;
        images.LayersInUse = LayersInUse;
        Logger = logger;
        Network = new PodNetwork(config, TimeProvider.System, logger);
        _launcher = new Lazy<SandboxLauncher>(() => SandboxLauncher.Open(config.SandboxBinaryPath));
        var setAside = Path.Combine(config.Root, "records", "set-aside");
        SandboxRecords = new RecordStore<SandboxRecord>(
            config.SandboxRecordDirectory, setAside, SandboxRecord.CurrentVersion, RecordJson.Default.SandboxRecord);
        ContainerRecords = new RecordStore<ContainerRecord>(
            Path.Combine(config.Root, "records", "containers"), setAside, ContainerRecord.CurrentVersion, RecordJson.Default.ContainerRecord);
        PrivateDirectory.Create(SandboxesDirectory);
        PrivateDirectory.Create(ContainersDirectory);
        PrivateDirectory.Create(SandboxRunsDirectory);
        LayerQuotas = new LayerQuotas(ContainersDirectory, logger);
    }

    public CrispConfig Config { get; }

    public ImageStore Images { get; }

    public ILogger Logger { get; }

    public RecordStore<SandboxRecord> SandboxRecords { get; }

    public RecordStore<ContainerRecord> ContainerRecords { get; }

    public StateIndex Index { get; }

    /// <summary>The limits of containers' writable layers.</summary>
    public LayerQuotas LayerQuotas { get; }

    /// <summary>What becomes of pods and containers, for those who listen.</summary>
    public ContainerEvents Events { get; }

    /// <summary>Pods and containers that are being made, so that a retry finds them.</summary>
    public CreationTable Creations { get; } = new();

    /// <summary>The network of pods that are not on the node's.</summary>
    public PodNetwork Network { get; }

    public RuntimeHandlers Handlers { get; }

    public NodeFacts Facts { get; } = NodeFacts.Read();

    /// <summary>The cgroup for pods that name no parent, and for the pods' own processes.</summary>
    public string DefaultCgroupParent => Config.CgroupParent;

    /// <summary>The same with the systemd driver.</summary>
    public SliceName DefaultSlice => SliceName.Parse(Config.CgroupParent);

    public ICgroupManager Cgroups { get; } = CgroupManager.Detect();

    /// <summary>Asked only with the systemd driver.</summary>
    public SystemdUnits Systemd { get; } = new();

    /// <summary>Opened when the first pod is made, so that a daemon without crisp-sandbox can still say what is wrong.</summary>
    public SandboxLauncher Launcher => _launcher.Value;

    public ProcessWatcher Watcher { get; } = new();

    /// <summary>Names this boot of the kernel (/proc/sys/kernel/random/boot_id).</summary>
    public string BootId { get; } = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    public string SandboxesDirectory => Path.Combine(Config.Root, "sandboxes");

    public string ContainersDirectory => Path.Combine(Config.Root, "containers");

    public string SandboxRunsDirectory => Path.Combine(Config.Run, "sandboxes");

    /// <summary>The socket, the exits and the shm of one pod; emptied by a reboot.</summary>
    /// <remarks>Half of the id is unique enough, and leaves the directory above 51 of a socket path's 107 bytes (unix(7)).</remarks>
    public string SandboxRunDirectory(string id) => Path.Combine(SandboxRunsDirectory, SandboxRunName(id));

    /// <summary>The name of that directory.</summary>
    public static string SandboxRunName(string id) => id[..Math.Min(RunNameLength, id.Length)];

    public SandboxFiles FilesOf(SandboxRecord sandbox) => new(
        Path.Combine(SandboxesDirectory, sandbox.Id),
        sandbox.Spec.IpcNamespace ? Path.Combine(SandboxRunDirectory(sandbox.Id), "shm") : "/dev/shm");

    public ContainerDirectories DirectoriesOf(string containerId) => new(Path.Combine(ContainersDirectory, containerId));

    /// <summary>Nanoseconds since the epoch, as CRI's times are.</summary>
    public static long Now() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    /// <summary>The layers of all containers' overlays, whether their images are still there or not.</summary>
    private IEnumerable<string> LayersInUse()
        => Index.Containers.SelectMany(c => c.Record.Spec.Mounts.Select(m => m.Source).Prepend(c.Record.Spec.Root.Source))
            .OfType<OverlaySource>().SelectMany(source => source.Lower);

    /// <summary>The daemon is ending; what goes on in the background leaves the rest to the next one.</summary>
    public bool IsDisposed { get; private set; }

    public void Dispose()
    {
        IsDisposed = true;
        Watcher.Dispose();
        SandboxCgroups.RemoveDefaultParent(this);
        if (_launcher.IsValueCreated)
        {
            _launcher.Value.Dispose();
        }

        Network.Dispose();
        SandboxRecords.Dispose();
        ContainerRecords.Dispose();
    }
}
