using Crisp.Cgroups;
using Crisp.CriServer.Containers;

namespace Crisp.CriServer.Configuration;

/// <summary>All options of the configuration file, in the order of the default one.</summary>
internal static class ConfigOptions
{
    /// <summary>Those of this configuration: each runtime handler has its own.</summary>
    public static IEnumerable<ConfigOption> Of(CrispConfig config) => All.Concat(config.Runtimes.SelectMany(r => RuntimeOptions.For(r.Name)));

    /// <summary>Those that a key can name; of runtime handlers the one that it names, or else the usual one.</summary>
    public static IEnumerable<ConfigOption> Near(string key) => All.Concat(RuntimeOptions.For(RuntimeOptions.NameIn(key) ?? "kvm"));

    /// <summary>Without those of runtime handlers.</summary>
    public static IReadOnlyList<ConfigOption> All { get; } =
    [
        new()
        {
            Section = "",
            Key = "root",
            Comment = "Images, and the records of pods and containers. Survives a reboot; made with mode 0700.\n"
                + "Its filesystem must be able to carry an overlay (ext4, xfs with ftype=1, btrfs).",
            Show = c => ConfigText.Quote(c.Root),
            Apply = (c, v) => c with { Root = v.AbsolutePath() },
        },
        new()
        {
            Section = "",
            Key = "run",
            Comment = "Sockets and live state, emptied by a reboot; made with mode 0700. At most 51 bytes long, so that\n"
                + "the paths of the pods' sockets fit into the kernel's 107.",
            Show = c => ConfigText.Quote(c.Run),
            Apply = (c, v) => c with { Run = v.AbsolutePath() },
        },
        new()
        {
            Section = "",
            Key = "socket",
            Comment = "The socket on which CRI is served (the kubelet's --container-runtime-endpoint, with unix:// before it).\n"
                + "Default: crisp.sock in the run directory.",
            IsSet = c => c.Socket is not null,
            Show = c => ConfigText.Quote(c.SocketPath),
            Apply = (c, v) => c with { Socket = v.AbsolutePath() },
        },
        new()
        {
            Section = "",
            Key = "sandbox_binary",
            Comment = "The program of the pods. Running pods keep the one they were started with.\n"
                + "Default: crisp-sandbox beside crisp itself.",
            IsSet = c => c.SandboxBinary is not null,
            Show = c => ConfigText.Quote(c.SandboxBinaryPath),
            Apply = (c, v) => c with { SandboxBinary = v.AbsolutePath() },
        },
        new()
        {
            Section = "",
            Key = "cgroup_driver",
            Comment = "Who makes the pods' cgroups: cgroupfs, crisp by itself; or systemd, as a scope for each pod, which is right\n"
                + "where systemd is process 1. The kubelet asks crisp which it is; its own configuration must say the same.",
            Show = c => ConfigText.Quote(ConfigText.Word(c.CgroupDriver)),
            Apply = (c, v) => c with { CgroupDriver = v.Word<CgroupDriver>() },
        },
        new()
        {
            Section = "",
            Key = "cgroup_parent",
            Comment = "The cgroup of the pods' own processes, and of pods that name no parent (a kubelet's always do). Two daemons\n"
                + "on one machine need two. With the systemd driver a slice. Default: crisp, or crisp.slice.",
            IsSet = c => c.CgroupParentPath is not null,
            Show = c => ConfigText.Quote(c.CgroupParent),
            Apply = (c, v) => c with { CgroupParentPath = v.CgroupPath() },
        },
        new()
        {
            Section = "",
            Key = "shutdown_timeout",
            Comment = "How long a stopping daemon waits for the calls in flight. Pods live on in any case.\n"
                + "Numbers with h, m, s or ms: \"1m30s\".",
            Show = c => ConfigText.Quote(Duration.Show(c.ShutdownTimeout)),
            Apply = (c, v) => c with { ShutdownTimeout = v.Duration() },
        },
        new()
        {
            Section = "log",
            Key = "level",
            Comment = "The least important lines that are logged: trace, debug, information, warning, error, critical or none.\n"
                + "debug shows every call with its duration.",
            Show = c => ConfigText.Quote(ConfigText.Word(c.LogLevel)),
            Apply = (c, v) => c with { LogLevel = v.Word<LogLevel>() },
            Reload = (c, read) => c with { LogLevel = read.LogLevel },
        },
        new()
        {
            Section = "log",
            Key = "format",
            Comment = "text: lines for people. json: one object a line, for collectors. Both go to standard error.",
            Show = c => ConfigText.Quote(ConfigText.Word(c.LogFormat)),
            Apply = (c, v) => c with { LogFormat = v.Word<LogFormat>() },
        },
        new()
        {
            Section = "images",
            Key = "pinned",
            Comment = "References of images that the kubelet's garbage collection must leave alone, for example of a node\n"
                + "that cannot pull them again.",
            Show = c => ConfigText.List(c.PinnedImages),
            Apply = (c, v) => c with { PinnedImages = v.Texts() },
            Reload = (c, read) => c with { PinnedImages = read.PinnedImages },
        },
        new()
        {
            Section = "containers",
            Key = "writable_layer_size",
            Comment = "How large the writable layer of a container may become whose pod does not say it itself, by the annotation\n"
                + "crisp.dev/writable-layer-size. The filesystem of the root directory must have project quota (xfs or ext4,\n"
                + "mounted with prjquota), or crisp does not start. Default: no limit.",
            IsSet = c => c.WritableLayerSize is not null,
            Show = c => ConfigText.Quote(ByteSize.Show(c.WritableLayerSize ?? 10L << 30)),
            Apply = (c, v) => c with { WritableLayerSize = v.Bytes(LayerSizes.Least, LayerSizes.Most) },
        },
        new()
        {
            Section = "registry",
            Key = "host_dirs",
            Comment = "Where HOST/hosts.toml files about registries lie: mirrors, private authorities, client certificates, headers\n"
                + "(containerd's layout, with _default for all others). The first directory that knows the host wins. They are\n"
                + "read at each pull; a change needs no restart.",
            Show = c => ConfigText.List(c.RegistryHostDirectories),
            Apply = (c, v) => c with { RegistryHostDirectories = v.AbsolutePaths() },
            Reload = (c, read) => c with { RegistryHostDirectories = read.RegistryHostDirectories },
        },
        new()
        {
            Section = "registry",
            Key = "parallel_downloads",
            Comment = "Layers of one image that are downloaded at once.",
            Show = c => ConfigText.Number(c.ParallelDownloads),
            Apply = (c, v) => c with { ParallelDownloads = v.Number(1, 64) },
            Reload = (c, read) => c with { ParallelDownloads = read.ParallelDownloads },
        },
        new()
        {
            Section = "registry",
            Key = "progress_timeout",
            Comment = "How long a download may go without a single byte. Then its connection is replaced, and the download goes on\n"
                + "where it stopped. A registry that is slow but sends is left alone.",
            Show = c => ConfigText.Quote(Duration.Show(c.PullProgressTimeout)),
            Apply = (c, v) => c with { PullProgressTimeout = v.Duration() },
            Reload = (c, read) => c with { PullProgressTimeout = read.PullProgressTimeout },
        },
        new()
        {
            Section = "cni",
            Key = "conf_dir",
            Comment = "Where the network plugin leaves its configuration. While there is none the node is not NetworkReady,\n"
                + "and only pods with the node's own network run.",
            Show = c => ConfigText.Quote(c.CniConfDirectory),
            Apply = (c, v) => c with { CniConfDirectory = v.AbsolutePath() },
        },
        new()
        {
            Section = "cni",
            Key = "bin_dirs",
            Comment = "Where CNI plugins are looked for; the first that has one wins.",
            Show = c => ConfigText.List(c.CniBinDirectories),
            Apply = (c, v) => c with { CniBinDirectories = v.AbsolutePaths() },
        },
        new()
        {
            Section = "cni",
            Key = "cache_dir",
            Comment = "What is known of the pods' networks, from which addresses are given back after a reboot; made with\n"
                + "mode 0700. Default: cni in the root directory.",
            IsSet = c => c.CniCacheDirectory is not null,
            Show = c => ConfigText.Quote(c.CniCacheDirectoryPath),
            Apply = (c, v) => c with { CniCacheDirectory = v.AbsolutePath() },
        },
        new()
        {
            Section = "cni",
            Key = "plugin_timeout",
            Comment = "How long one CNI plugin may take; then it is killed with all that it started, and the pod fails.",
            Show = c => ConfigText.Quote(Duration.Show(c.CniPluginTimeout)),
            Apply = (c, v) => c with { CniPluginTimeout = v.Duration(least: TimeSpan.FromSeconds(1)) },
        },
        new()
        {
            Section = "cdi",
            Key = "spec_dirs",
            Comment = "Where vendors describe their devices (Container Device Interface), in files that are read when a container\n"
                + "asks for one; the last directory has the highest priority. Empty: there is no such device.",
            Show = c => ConfigText.List(c.CdiSpecDirectories),
            Apply = (c, v) => c with { CdiSpecDirectories = v.AbsolutePaths() },
            Reload = (c, read) => c with { CdiSpecDirectories = read.CdiSpecDirectories },
        },
        new()
        {
            Section = "streaming",
            Key = "address",
            Comment = "Where exec, attach and port-forward are served, over plain HTTP to whoever has a URL that CRI gave out (it\n"
                + "works once, within a minute). Port 0 takes any free port; the URLs name it. The kubelet is on this node, so\n"
                + "that the loopback is enough.",
            Show = c => ConfigText.Quote(c.StreamingAddress),
            Apply = (c, v) => c with { StreamingAddress = v.EndPoint(anyPort: true) },
        },
        new()
        {
            Section = "streaming",
            Key = "idle_timeout",
            Comment = "How long nothing may move in an exec, attach or port-forward. Then it is ended, and with it an exec's\n"
                + "command.",
            Show = c => ConfigText.Quote(Duration.Show(c.StreamingIdleTimeout)),
            Apply = (c, v) => c with { StreamingIdleTimeout = v.Duration(least: TimeSpan.FromSeconds(1)) },
            Reload = (c, read) => c with { StreamingIdleTimeout = read.StreamingIdleTimeout },
        },
        new()
        {
            Section = "checkpoint",
            Key = "criu",
            Comment = "The program criu(8), version 4 or later, by which CheckpointContainer writes a running container's memory\n"
                + "and files to an archive: a way to look into it later, with every secret that it knows. Default: none,\n"
                + "no checkpoints.",
            IsSet = c => c.Criu is not null,
            Show = c => ConfigText.Quote(c.Criu ?? "/usr/sbin/criu"),
            Apply = (c, v) => c with { Criu = v.AbsolutePath() },
        },
        new()
        {
            Section = "metrics",
            Key = "address",
            Comment = "Where Prometheus finds /metrics of the daemon itself, over plain HTTP. Everybody who reaches the port can\n"
                + "read it, pods on the node's network too. Default: nowhere.",
            IsSet = c => c.MetricsAddress is not null,
            Show = c => ConfigText.Quote(c.MetricsAddress ?? "127.0.0.1:9741"),
            Apply = (c, v) => c with { MetricsAddress = v.EndPoint() },
        },
    ];
}
