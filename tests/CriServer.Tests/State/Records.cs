using Crisp.CriServer.State;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Tests.State;

/// <summary>Records with every member set, so that a round trip that drops one is seen.</summary>
internal static class Records
{
    public static SandboxRecord Sandbox(string? id = null, long createdAt = 1) => new()
    {
        Id = id ?? Identifier.Create(),
        Stage = SandboxStage.Ready,
        Metadata = new SandboxName("pod", "uid", "default", 2),
        CreatedAt = createdAt,
        Labels = new Dictionary<string, string> { ["app"] = "web", ["ä/ö"] = "\"\n\u2028" },
        Annotations = new Dictionary<string, string> { ["note"] = "line\nline" },
        RuntimeHandler = "crisp",
        LogDirectory = "/var/log/pods/x",
        Privileged = true,
        Namespaces = new NamespaceModes { Network = Cri.V1.NamespaceMode.Node, User = Cri.V1.NamespaceMode.Pod },
        Spec = new SandboxSpec { Id = "x", CgroupPath = "crisp/x", UidMappings = [new IdMapSpec(0, 100000, 65536)] },
        Resources = new SandboxResources(new ResourcesSpec { MemoryLimit = 1 << 20 }, new ResourcesSpec { CpuShares = 2 }),
        Process = new ProcessIdentity(42, 4711, "boot"),
        RequestDigest = "digest",
        Answered = true,
        Problem = "none",
    };

    public static ContainerRecord Container(string sandboxId, string? id = null) => new()
    {
        Id = id ?? Identifier.Create(),
        SandboxId = sandboxId,
        Stage = ContainerStage.Exited,
        Metadata = new ContainerName("app", 1),
        CreatedAt = 1,
        StartedAt = 2,
        Pid = 0,
        Exit = new ContainerExit(137, 3, "OOMKilled", "m"),
        Labels = new Dictionary<string, string> { ["a"] = "b" },
        Image = new ContainerImage("busybox", "busybox:1", "", "sha256:0", "busybox@sha256:1"),
        LogPath = "/var/log/x/0.log",
        Mounts = [new MountRecord { ContainerPath = "/a", HostPath = "/b", Readonly = true, MountOptions = ["noexec"] }],
        User = new ContainerIdentity(1000, 1000, [1, 2]),
        Spec = new ContainerSpec
        {
            Id = "x",
            Process = new ProcessSpec { Args = ["sh", "-c", "\"'"] },
            Root = new RootSpec { Source = new OverlaySource(["/l1", "/l2"], "/u", "/w") },
            Mounts = [new MountSpec { Target = "/proc", Source = new KernelSource("proc") }],
            CgroupPath = "crisp/x/y",
        },
        LayerQuota = new LayerQuota(2_000_000_007, 1 << 30),
        RequestDigest = "d",
    };
}
