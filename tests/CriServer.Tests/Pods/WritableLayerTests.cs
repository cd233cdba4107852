using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.State;
using Crisp.CriServer.Tests.Daemon;
using Crisp.Linux.Tests.Quotas;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Limits of writable layers, as containers and the node's filesystem see them.</summary>
public sealed class WritableLayerTests
{
    private const string PodSize = "crisp.dev/writable-layer-size";
    private const string ContainerSize = "writable-layer-size.crisp.dev/";
    private const ulong Mebibyte = 1 << 20;

    // Everything that a program of the node's needs is in /usr there.
    private const string Chattr = "/usr/lib64/ld-linux-x86-64.so.2 --library-path /usr/lib/x86_64-linux-gnu /usr/bin/chattr";

    public static TheoryData<string> Filesystems => [.. QuotaFilesystem.Types];

    [Theory]
    [MemberData(nameof(Filesystems))]
    public async Task Container_IsStoppedAtItsSize_AndSeesIt(string type)
    {
        await using var node = await LimitedNode.StartAsync(type);
        var pod = await node.Pods.RunPodAsync(c => c.Annotations.Add(PodSize, "8Mi"));
        var limited = await node.Pods.LaunchAsync(pod, ["sleep", "1000"], c => c.Image.Image = LimitedNode.ImageWithVolume);
        var (code, size, _) = await node.Pods.ExecAsync(limited, "sh", "-c", "df -k / | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2");
        Assert.Equal((0, "8192\n"), (code, size));

        var (refused, _, error) = await node.Pods.ExecAsync(limited, "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=16");
        Assert.Equal(1, refused);
        Assert.Matches("No space left on device|Disk quota exceeded", error);
        Assert.InRange(node.UsageOf(node.ProjectOf(limited)).Bytes, 7 * Mebibyte, 8 * Mebibyte);

        // A volume of the image is no way round it, nor are a directory that comes from the image and a file that is copied up.
        Assert.NotEqual(0, (await node.Pods.ExecAsync(limited, "dd", "if=/dev/zero", "of=/volume/big", "bs=1M", "count=4")).Code);
        Assert.NotEqual(0, (await node.Pods.ExecAsync(limited, "dd", "if=/dev/zero", "of=/etc/big", "bs=1M", "count=4")).Code);
        Assert.NotEqual(0, (await node.Pods.ExecAsync(limited, "sh", "-c", "cat /bin/busybox /bin/busybox /bin/busybox /bin/busybox >> /bin/busybox")).Code);

        // What is removed is free again, and names move as they do without a limit.
        var (again, _, moved) = await node.Pods.ExecAsync(limited, "sh", "-c", """
            rm -f /big /volume/big /etc/big && mkdir /a /b && dd if=/dev/zero of=/a/x bs=1M count=4 2> /dev/null \
                && busybox mv /a/x /b/y && busybox mv /b /a/c && busybox mv /etc/passwd /etc/group /tmp && busybox mv /home /a && ls /a/c /a/home/.
            """);
        Assert.Equal((0, ""), (again, moved));

        // Others on the node go on.
        var free = await node.Pods.SleeperAsync(await node.Pods.RunPodAsync());
        Assert.Equal(0, (await node.Pods.ExecAsync(free, "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=16")).Code);
        Assert.Equal(0U, node.ProjectOf(free));
    }

    [Theory]
    [MemberData(nameof(Filesystems))]
    public async Task Sizes_AreTheContainersElseThePodsElseTheNodes(string type)
    {
        await using var node = await LimitedNode.StartAsync(type, "[containers]\nwritable_layer_size = \"3M\"\n");
        var pod = await node.Pods.RunPodAsync(c =>
        {
            c.Annotations.Add(PodSize, "2Mi");
            c.Annotations.Add(ContainerSize + "small", "1Mi");
        });
        var small = await node.Pods.CreateAsync(pod, ["true"], c => c.Metadata.Name = "small");
        var other = await node.Pods.CreateAsync(pod, ["true"]);
        var plain = await node.Pods.CreateAsync(await node.Pods.RunPodAsync(), ["true"]);
        var projects = new[] { small, other, plain }.Select(node.ProjectOf).ToList();
        Assert.Equal([1 * Mebibyte, 2 * Mebibyte, 3 * Mebibyte], projects.Select(p => node.UsageOf(p).LimitBytes));
        Assert.Equal(3, projects.Distinct().Count());
        var verbose = await node.Pods.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = small, Verbose = true });
        Assert.Contains($"\"layerQuota\":{{\"project\":{projects[0]},\"bytes\":1048576}}", verbose.Info["info"], StringComparison.Ordinal);
        await node.Pods.RemoveAsync(small);
        node.AwaitFree(projects[0]);
        Assert.Equal([true, false, false], projects.Select(p => node.UsageOf(p).IsFree));
    }

    [Theory]
    [MemberData(nameof(Filesystems))]
    public async Task Limit_OutlivesTheDaemon_AndGoesWithTheContainer(string type)
    {
        await using var node = await LimitedNode.StartAsync(type);
        var pod = await node.Pods.RunPodAsync(c => c.Annotations.Add(PodSize, "4Mi"));
        var container = await node.Pods.SleeperAsync(pod);
        var project = node.ProjectOf(container);
        await node.Pods.Daemon.KillAsync();
        await node.Pods.Daemon.StartAgainAsync();
        Assert.NotEqual(0, (await node.Pods.ExecAsync(container, "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=8")).Code);
        var next = await node.Pods.CreateAsync(pod, ["true"]);
        Assert.NotEqual(project, node.ProjectOf(next));
        await node.Pods.RemovePodAsync(pod);
        node.AwaitFree(project);
    }

    [Theory]
    [InlineData("ext4", nameof(FailpointName.ContainerMountsOpened))]
    [InlineData("xfs", nameof(FailpointName.ContainerMountsOpened))]
    [InlineData("ext4", nameof(FailpointName.ContainerRemoved))]
    [InlineData("xfs", nameof(FailpointName.ContainerRemoved))]
    public async Task LimitThatADeadDaemonLeft_IsLiftedByTheNext(string type, string failpoint)
    {
        await using var node = await LimitedNode.StartAsync(type);
        await node.Pods.Daemon.StopAsync();
        await node.Pods.Daemon.StartAgainAsync(("CRISP_FAILPOINT", failpoint));
        var pod = await node.Pods.RunPodAsync(c => c.Annotations.Add(PodSize, "4Mi"));
        await Assert.ThrowsAsync<RpcException>(async () => await node.Pods.RemoveAsync(await node.Pods.CreateAsync(pod, ["true"])));
        await node.Pods.Daemon.WaitForExitAsync();
        var left = Assert.Single(Directory.GetDirectories(Path.Combine(node.Pods.Daemon.Root, "containers")));
        var project = node.ProjectOf(Path.GetFileName(left));
        Assert.Equal(4 * Mebibyte, node.UsageOf(project).LimitBytes);
        await node.Pods.Daemon.StartAgainAsync();
        Assert.Empty(Directory.GetDirectories(Path.Combine(node.Pods.Daemon.Root, "containers")));
        node.AwaitFree(project);
    }

    [Theory]
    [MemberData(nameof(Filesystems))]
    public async Task Files_StayInTheirProject(string type)
    {
        await using var node = await LimitedNode.StartAsync(type);
        var map = new IDMapping { ContainerId = 0, HostId = 100000, Length = 65536 };
        var users = new UserNamespace { Mode = NamespaceMode.Pod, Uids = { map }, Gids = { map } };
        foreach (var options in (UserNamespace?[])[null, users])
        {
            var pod = await node.Pods.RunPodAsync(c =>
            {
                c.Annotations.Add(PodSize, "4Mi");
                c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = options;
            });
            var container = await node.Pods.LaunchAsync(pod, ["sleep", "1000"], c =>
            {
                c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = options;
                c.Mounts.Add(new Mount { ContainerPath = "/usr", HostPath = "/usr", Readonly = true });
            });
            Assert.Equal(0, (await node.Pods.ExecAsync(container, "sh", "-c", "mkdir /d && touch /f")).Code);
            foreach (var attempt in (string[])["-p 0 /f", "-P /d"])
            {
                var (code, output, error) = await node.Pods.ExecAsync(container, "sh", "-c", $"{Chattr} {attempt}");
                Assert.True(code == 1, $"chattr {attempt} ended with {code}: {output}{error}");
                Assert.Matches("Operation not permitted|Permission denied|Invalid argument", error);
            }

            Assert.NotEqual(0, (await node.Pods.ExecAsync(container, "dd", "if=/dev/zero", "of=/d/big", "bs=1M", "count=8")).Code);
        }
    }

    [Theory]
    [MemberData(nameof(Filesystems))]
    public async Task Machine_IsStoppedAtItsSizeToo(string type)
    {
        PodNode.Require();
        var kernel = Environment.GetEnvironmentVariable("CRISP_TEST_KERNEL");
        Assert.SkipUnless(kernel is not null && File.Exists("/dev/kvm"), "needs CRISP_TEST_KERNEL, and a KVM that runs it (the test VM has both after modprobe kvm_amd)");
        using var directory = new TemporaryDirectory();
        var image = directory.Combine("guest");
        var (built, _, words) = await CrispProcess.RunAsync("vm", "build", "--kernel", kernel!, "--init", CrispBinaries.Sandbox!, "--output", image);
        Assert.True(built == 0, words);
        await using var node = await LimitedNode.StartAsync(type, $"[runtimes.kvm]\nimage_dir = \"{image}\"\nmemory = \"128M\"\n");
        var pod = await node.Pods.RunPodAsync(
            c =>
            {
                c.Annotations.Add(PodSize, "8Mi");
                c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;
            },
            handler: "kvm");
        var container = await node.Pods.SleeperAsync(pod);
        var (refused, _, error) = await node.Pods.ExecAsync(container, "dd", "if=/dev/zero", "of=/big", "bs=1M", "count=16", "conv=fsync");
        Assert.Equal(1, refused);
        Assert.Matches("No space left on device|Disk quota exceeded", error);
        Assert.InRange(node.UsageOf(node.ProjectOf(container)).Bytes, 7 * Mebibyte, 8 * Mebibyte);
        var (_, size, _) = await node.Pods.ExecAsync(container, "sh", "-c", "df -k / | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2");
        Assert.Equal("8192\n", size);
    }

    [Theory]
    [MemberData(nameof(Filesystems))]
    public async Task Stats_AreWhatTheFilesystemCounts(string type)
    {
        await using var node = await LimitedNode.StartAsync(type);
        var pod = await node.Pods.RunPodAsync(c => c.Annotations.Add(PodSize, "8Mi"));
        var container = await node.Pods.SleeperAsync(pod);
        var before = await LayerAsync();
        Assert.Equal(0, (await node.Pods.ExecAsync(container, "sh", "-c", "dd if=/dev/zero of=/x bs=1M count=3 && sync")).Code);
        var after = await LayerAsync();
        Assert.InRange(after.UsedBytes.Value - before.UsedBytes.Value, 3 * Mebibyte, (3 * Mebibyte) + 65536);
        Assert.Equal(1UL, after.InodesUsed.Value - before.InodesUsed.Value);
        Assert.Equal(node.UsageOf(node.ProjectOf(container)).Bytes, after.UsedBytes.Value);

        async Task<FilesystemUsage> LayerAsync()
            => (await node.Pods.Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = container })).Stats.WritableLayer;
    }
}

/// <summary>What is said where no layer can be limited.</summary>
public sealed class WritableLayerRefusalTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task Pod_IsRefusedBeforeAnythingIsMade()
    {
        PodNode.Require();
        Assert.SkipWhen(LayerQuotas.ProblemOf(Path.GetTempPath()) is null, "the temporary directory is on a filesystem with project quota");
        var (code, message) = await PodNode.RefusedAsync(() => node.RunPodAsync(c => c.Annotations.Add("writable-layer-size.crisp.dev/app", "1Gi")));
        Assert.Equal(StatusCode.FailedPrecondition, code);
        Assert.StartsWith("No writable layer can be limited to 1073741824 bytes, as the annotation writable-layer-size.crisp.dev/app asks: ", message, StringComparison.Ordinal);
        Assert.Contains("has no project quota", message, StringComparison.Ordinal);
        (code, message) = await PodNode.RefusedAsync(() => node.RunPodAsync(c => c.Annotations.Add("crisp.dev/writable-layer-size", "much")));
        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Contains("crisp.dev/writable-layer-size is \"much\"", message, StringComparison.Ordinal);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task Daemon_DoesNotStartWithASizeThatItCannotKeep()
    {
        Assert.SkipWhen(LayerQuotas.ProblemOf(Path.GetTempPath()) is null, "the temporary directory is on a filesystem with project quota");
        using var directory = new TemporaryDirectory();
        var file = directory.Combine("config.toml");
        await File.WriteAllTextAsync(
            file,
            $"root = \"{directory.Combine("root")}\"\nrun = \"{directory.Combine("run")}\"\n[containers]\nwritable_layer_size = \"10G\"\n",
            TestContext.Current.CancellationToken);
        var (code, _, error) = await CrispProcess.RunAsync("serve", "--config", file);
        Assert.Equal(1, code);
        Assert.StartsWith($"crisp: containers.writable_layer_size is set in the configuration, but the filesystem of {directory.Combine("root")} has no project quota", error, StringComparison.Ordinal);
    }
}
