using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Container Mount Readonly", "Mount Propagation", "Image Volume" and "adding volume and device".</summary>
public sealed class ContainerMountTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Volume_IsTheNodesDirectory()
    {
        var directory = Volume("real");
        var link = directory + ".link";
        File.CreateSymbolicLink(link, directory);
        foreach (var path in new[] { directory, link })
        {
            Assert.Equal("content", await Cri.ScriptAsync("echo written > /mnt/out; cat /mnt/file", c => c.Mounts.Add(Mount(path))));
            Assert.Equal("written\n", await File.ReadAllTextAsync(Path.Combine(directory, "out")));
        }
    }

    [Fact]
    public async Task Mounts_AreToldInTheStatus()
    {
        var sent = Mount(Volume("told"), m => m.Readonly = true);
        var container = await Cri.CreateAsync(await Cri.PodAsync(), ["true"], c => c.Mounts.Add(sent));
        var told = Assert.Single((await Cri.StatusAsync(container)).Mounts, m => m.ContainerPath == "/mnt");
        Assert.Equal((sent.HostPath, true, MountPropagation.PropagationPrivate), (told.HostPath, told.Readonly, told.Propagation));
    }

    [Fact]
    public async Task ReadOnlyMount_RefusesWrites()
        => Assert.Contains("Read-only", await Cri.ScriptAsync("echo x > /mnt/file", c => c.Mounts.Add(Mount(Volume("ro"), m => m.Readonly = true))), StringComparison.Ordinal);

    [Fact]
    public async Task RecursiveReadOnly_ReachesTheMountsBelow()
    {
        await SkipUnlessAsync(h => h.Features?.RecursiveReadOnlyMounts == true, "recursive read-only mounts");
        using var below = new NodeMount(Volume("rro"), shared: false);
        var plain = Mount(below.Path, m => m.Readonly = true);
        var recursive = Mount(below.Path, m => (m.Readonly, m.RecursiveReadOnly) = (true, true));
        var written = await Cri.ScriptAsync("echo x > /mnt/sub/file", c => c.Mounts.Add(plain));

        // A machine's mount is one filesystem, with one answer for all that it shows of the node's (docs/vm-pods.md).
        Assert.Equal(Endpoint.IsMachine, written.Length > 0);
        Assert.Contains("Read-only", await Cri.ScriptAsync("echo x > /mnt/sub/file", c => c.Mounts.Add(recursive)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RecursiveReadOnlyThatIsWritableOrPropagates_IsRefused()
    {
        await SkipUnlessAsync(h => h.Features?.RecursiveReadOnlyMounts == true, "recursive read-only mounts");
        var directory = Volume("rro-bad");
        await RefusedAsync(Mount(directory, m => m.RecursiveReadOnly = true));
        foreach (var propagation in new[] { MountPropagation.PropagationHostToContainer, MountPropagation.PropagationBidirectional })
        {
            await RefusedAsync(Mount(directory, m => (m.Readonly, m.RecursiveReadOnly, m.Propagation) = (true, true, propagation)));
        }
    }

    [Fact]
    public async Task Propagation_BetweenNodeAndContainer() => Assert.Equal((true, true), await PropagatesAsync(MountPropagation.PropagationBidirectional));

    [Fact]
    public async Task Propagation_OfPrivateMounts_IsNone() => Assert.Equal((false, false), await PropagatesAsync(MountPropagation.PropagationPrivate));

    [Fact]
    public async Task Propagation_FromTheNode_DoesNotGoBack() => Assert.Equal((true, false), await PropagatesAsync(MountPropagation.PropagationHostToContainer));

    [Fact]
    public async Task MountOptions_HoldInTheContainer()
    {
        await SkipUnlessMountOptionsAsync();
        var directory = Volume("options");
        NodeMount.Run("cp /usr/bin/busybox $0/busybox && chmod 4755 $0/busybox && mknod $0/null c 1 3 && chmod 666 $0/null", directory);
        const string Script = """
            echo x 2> /dev/null > /mnt/null && echo device || echo no device
            /mnt/busybox true 2> /dev/null && echo runs || echo does not run
            sed -n 's|.* /mnt \([^ ]*\) .*|\1|p' /proc/self/mountinfo
            """;
        var plain = await Cri.ScriptAsync(Script, c => c.Mounts.Add(Mount(directory)));
        Assert.Contains("does not run", await RunAsync("noexec"), StringComparison.Ordinal);
        Assert.Contains("no device", await RunAsync("nodev"), StringComparison.Ordinal);
        Assert.Contains(",nosuid", await RunAsync("nosuid"), StringComparison.Ordinal);
        Assert.StartsWith("device\nruns\n", plain, StringComparison.Ordinal);

        Task<string> RunAsync(string option) => Cri.ScriptAsync(Script, c => c.Mounts.Add(Mount(directory, m => m.MountOptions.Add(option))));
    }

    [Fact]
    public async Task UnknownMountOption_IsRefused()
    {
        await SkipUnlessMountOptionsAsync();
        await RefusedAsync(Mount(Volume("unknown-option"), m => m.MountOptions.Add("suid")));
    }

    private async Task<(bool Inward, bool Outward)> PropagatesAsync(MountPropagation propagation)
    {
        using var shared = new NodeMount(Volume($"propagation-{propagation}"), shared: true);
        var container = await Cri.RunAsync(
            ["sleep", "1000"],
            c =>
            {
                c.Linux.SecurityContext.Privileged = true;
                c.Mounts.Add(Mount(shared.Path, m => m.Propagation = propagation));
            },
            pod => pod.Linux.SecurityContext.Privileged = true);
        NodeMount.Run("mkdir -p $0/late && mount -t tmpfs tmpfs $0/late && touch $0/late/flag", shared.Path);
        var inward = await Cri.ShellAsync(container, "ls /mnt/late") == "flag";
        await Cri.ShellAsync(container, "mkdir /mnt/own && mount -t tmpfs tmpfs /mnt/own && touch /mnt/own/flag");
        return (inward, File.Exists(Path.Combine(shared.Path, "own", "flag")));
    }

    private async Task RefusedAsync(Mount mount)
    {
        var pod = await Cri.PodAsync();
        await CriCalls.RefusedAsync(() => Cri.LaunchAsync(pod, ["true"], c => c.Mounts.Add(mount)));
    }

    private string Volume(string name)
    {
        var directory = Directory.CreateDirectory(Cri.LogDirectory($"volume-{name}")).FullName;
        File.WriteAllText(Path.Combine(directory, "file"), "content\n");
        return directory;
    }

    private static Mount Mount(string path, Action<Mount>? change = null)
    {
        var mount = new Mount { HostPath = path, ContainerPath = "/mnt" };
        change?.Invoke(mount);
        return mount;
    }

    private async Task SkipUnlessMountOptionsAsync()
        => Assert.SkipWhen(Endpoint.IsExternal && (await Cri.Runtime.StatusAsync(new StatusRequest())).Features?.MountOptions != true, "the runtime has no mount options");

    private async Task SkipUnlessAsync(Func<RuntimeHandler, bool> has, string what)
    {
        var handlers = (await Cri.Runtime.StatusAsync(new StatusRequest())).RuntimeHandlers;
        Assert.SkipWhen(Endpoint.IsExternal && !handlers.Any(h => h.Name == Endpoint.Handler && has(h)), $"the runtime has no {what}");
    }
}
