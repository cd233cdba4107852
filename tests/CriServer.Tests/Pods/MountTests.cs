using Crisp.Cri.V1;
using Crisp.Linux;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>What the mounts of a container are to the programs in it, and to the node.</summary>
public sealed class MountTests(PodNode node) : IClassFixture<PodNode>
{
    [Theory]
    [InlineData("noexec,nodev,nosuid")]
    [InlineData("noexec")]
    [InlineData("nodev")]
    [InlineData("nosuid")]
    public async Task MountOptions_AreInForce(string options)
    {
        PodNode.Require();
        var source = Directory.CreateDirectory(Path.Combine(node.Daemon.Scratch, "options")).FullName;
        var (_, output) = await node.OutputAsync(await node.RunPodAsync(), ["sh", "-c", "grep ' /mnt ' /proc/self/mountinfo"], c =>
        {
            var mount = new Mount { ContainerPath = "/mnt", HostPath = source };
            mount.MountOptions.AddRange(options.Split(','));
            c.Mounts.Add(mount);
        });
        var inForce = output.Split(' ')[5].Split(',');
        foreach (var option in (string[])["noexec", "nodev", "nosuid"])
        {
            Assert.Equal(options.Contains(option, StringComparison.Ordinal), inForce.Contains(option));
        }
    }

    [Theory]
    [InlineData(false, "writable")]
    [InlineData(true, "touch: /mnt/inner/x: Read-only file system")]
    public async Task ReadOnly_ReachesMountsBeneathOnlyWhenItIsRecursive(bool recursive, string expected)
    {
        PodNode.Require();
        using var outer = new TestMount(node);
        var inner = Directory.CreateDirectory(Path.Combine(outer.Path, "inner")).FullName;
        Mounts.Mount("tmpfs", inner, "tmpfs", MountFlags.None);
        try
        {
            var (_, output) = await node.OutputAsync(
                await node.RunPodAsync(),
                ["sh", "-c", "(touch /mnt/y; touch /mnt/inner/x && echo writable) 2>&1"],
                c => c.Mounts.Add(new Mount { ContainerPath = "/mnt", HostPath = outer.Path, Readonly = true, RecursiveReadOnly = recursive }));
            Assert.Equal($"touch: /mnt/y: Read-only file system\n{expected}", output);
        }
        finally
        {
            Mounts.Umount2(inner, UnmountFlags.Detach);
        }
    }

    [Theory]
    [InlineData(MountPropagation.PropagationPrivate, false, false)]
    [InlineData(MountPropagation.PropagationHostToContainer, true, false)]
    [InlineData(MountPropagation.PropagationBidirectional, true, true)]
    public async Task Propagation_GoesWhereItIsAskedTo(MountPropagation propagation, bool toContainer, bool toNode)
    {
        PodNode.Require();
        using var shared = new TestMount(node);
        Mounts.Mount(null, shared.Path, null, MountFlags.Shared);
        foreach (var name in (string[])["early", "late", "theirs"])
        {
            Directory.CreateDirectory(Path.Combine(shared.Path, name));
        }

        var pod = await node.RunPodAsync(c => c.Linux.SecurityContext.Privileged = true);
        var container = await node.LaunchAsync(pod, ["sleep", "1000"], c =>
        {
            c.Linux.SecurityContext.Privileged = true;
            c.Mounts.Add(new Mount { ContainerPath = "/mnt", HostPath = shared.Path, Propagation = propagation });
        });
        Mounts.Mount("tmpfs", Path.Combine(shared.Path, "late"), "tmpfs", MountFlags.None);
        var (_, seen, _) = await node.ExecAsync(container, "grep", "-c", " /mnt/late ", "/proc/self/mountinfo");
        Assert.Equal(toContainer ? "1\n" : "0\n", seen);
        Assert.Equal(0, (await node.ExecAsync(container, "mount", "-t", "tmpfs", "tmpfs", "/mnt/theirs")).Code);
        var theirs = Path.Combine(shared.Path, "theirs");
        Assert.Equal(toNode, File.ReadLines("/proc/self/mountinfo").Any(line => line.Split(' ')[4] == theirs));
        await node.RemovePodAsync(pod);
    }

    [Theory]
    [InlineData(true, "0:0 7:8")]
    [InlineData(false, "65534:65534 65534:65534")]
    public async Task IdMappedMount_ShowsTheNodesOwnersAsThePods(bool mapped, string expected)
    {
        PodNode.Require();
        var source = Directory.CreateDirectory(Path.Combine(node.Daemon.Scratch, $"owned-{mapped}")).FullName;
        File.WriteAllText(Path.Combine(source, "root"), "");
        File.WriteAllText(Path.Combine(source, "other"), "");
        Files.ChownAt(FileDescriptor.CurrentDirectory, Path.Combine(source, "other"), 7, 8);
        var map = new IDMapping { ContainerId = 0, HostId = 100000, Length = 65536 };
        var options = new UserNamespace { Mode = NamespaceMode.Pod, Uids = { map }, Gids = { map } };
        var pod = await node.RunPodAsync(c => c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = options);
        var (_, output) = await node.OutputAsync(pod, ["sh", "-c", "echo $(stat -c %u:%g /mnt/root /mnt/other)"], c =>
        {
            c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = options;
            var mount = new Mount { ContainerPath = "/mnt", HostPath = source };
            mount.UidMappings.AddRange(mapped ? [map] : []);
            mount.GidMappings.AddRange(mapped ? [map] : []);
            c.Mounts.Add(mount);
        });
        Assert.Equal(expected, output);
    }

    [Fact]
    public async Task Slave_NeedsASharedOrSlaveSource()
    {
        PodNode.Require();
        using var source = new TestMount(node);
        var pod = await node.RunPodAsync();
        var (code, message) = await PodNode.RefusedAsync(() => node.CreateAsync(pod, ["true"], c => c.Mounts.Add(
            new Mount { ContainerPath = "/mnt", HostPath = source.Path, Propagation = MountPropagation.PropagationHostToContainer })));
        Assert.Equal(StatusCode.FailedPrecondition, code);
        Assert.Contains($"{source.Path}, which is not shared", message, StringComparison.Ordinal);
    }

    /// <summary>A private tmpfs on the node, unmounted with all that is mounted in it.</summary>
    private sealed class TestMount : IDisposable
    {
        internal TestMount(PodNode node)
        {
            Path = Directory.CreateDirectory(System.IO.Path.Combine(node.Daemon.Scratch, Guid.NewGuid().ToString("N"))).FullName;
            Mounts.Mount("tmpfs", Path, "tmpfs", MountFlags.None);
            Mounts.Mount(null, Path, null, MountFlags.Private);
        }

        internal string Path { get; }

        public void Dispose() => Mounts.Umount2(Path, UnmountFlags.Detach);
    }
}
