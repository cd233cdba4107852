using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>Specifications as the daemon builds them for what the kubelet sends.</summary>
internal static class Specs
{
    internal static readonly string[] DefaultCapabilities =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP",
    ];

    private const string Id = "4be2cd0e7a9e4c1f8f36c7b7a4a3d6f4bb2b30f4c2a34a4a8a12a64a2c0a3d11";

    /// <summary>Everything its own, no user namespace.</summary>
    internal static SandboxSpec Pod { get; } = new()
    {
        Id = Id,
        Hostname = "web-0",
        NetworkNamespace = true,
        IpcNamespace = true,
        UtsNamespace = true,
        CgroupPath = "kubepods/pod1",
    };

    internal static IReadOnlyList<IdMapSpec> Map { get; } = [new(0, 200000, 65536)];

    /// <summary>The same with a user namespace.</summary>
    internal static SandboxSpec UserPod { get; } = Pod with { UidMappings = Map, GidMappings = Map };

    /// <summary>Runs a script in a shell.</summary>
    internal static ContainerSpec Container(string script) => Container(["sh", "-c", script]);

    internal static ContainerSpec Container(IReadOnlyList<string> arguments) => new()
    {
        Id = Id,
        Process = Process(arguments),
        Root = new RootSpec { Source = new BindSource("/") },
        Mounts =
        [
            Kernel("/proc", "proc"),
            Kernel("/sys", "sysfs") with { Readonly = true },
            Kernel("/sys/fs/cgroup", "cgroup") with { Readonly = true },
            Kernel("/dev/pts", "devpts") with { Nodev = false },
            Kernel("/dev/mqueue", "mqueue"),
            new MountSpec { Target = "/dev/shm", Source = new TmpfsSource(64 << 20, 0x3FF), Nosuid = true, Nodev = true, Noexec = true },
        ],
        CgroupPath = "kubepods/pod1/" + Id,
        MaskedPaths =
        [
            "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
            "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
            "/sys/firmware",
        ],
        ReadonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    };

    internal static ProcessSpec Process(IReadOnlyList<string> arguments) => new()
    {
        Args = arguments,
        Env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        Capabilities = new CapabilitiesSpec { Bounding = DefaultCapabilities, Permitted = DefaultCapabilities, Effective = DefaultCapabilities },
        OomScoreAdj = 500,
    };

    internal static ContainerSpec With(this ContainerSpec spec, Func<ProcessSpec, ProcessSpec> change)
        => spec with { Process = change(spec.Process) };

    internal static ContainerSpec Mount(this ContainerSpec spec, params MountSpec[] mounts)
        => spec with { Mounts = [.. spec.Mounts, .. mounts] };

    internal static MountSpec Kernel(string target, string type)
        => new() { Target = target, Source = new KernelSource(type), Nosuid = true, Nodev = true, Noexec = true };

    internal static MountSpec Bind(string source, string target) => new() { Target = target, Source = new BindSource(source) };
}
