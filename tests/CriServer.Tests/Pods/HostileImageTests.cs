using System.Text.Json.Nodes;
using Crisp.Cri.V1;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Images whose paths are traps: what they point to on the node stays untouched and unread.</summary>
public sealed class HostileImageTests(PodNode node) : IClassFixture<PodNode>, IAsyncLifetime
{
    private string _pod = "";

    public async ValueTask InitializeAsync()
    {
        if (node.Daemon is not null)
        {
            _pod = await node.RunPodAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_pod.Length > 0)
        {
            await node.RemovePodAsync(_pod);
        }
    }

    [Fact]
    public async Task VolumeThatLeadsOutOfTheRootfs_ShowsNothingOfTheNode()
    {
        PodNode.Require();
        var secret = Directory.CreateDirectory(Path.Combine(node.Daemon.Scratch, "secret")).FullName;
        await File.WriteAllTextAsync(Path.Combine(secret, "key"), "the node's");
        var image = await ImportAsync(
            "volume", tar => TestImage.Symlink(tar, "data", "../../../../../.." + secret), i => i.With("Volumes", new JsonObject { ["/data"] = new JsonObject() }));
        var output = await RunAsync(image, "ls /data 2>&1; echo end");
        Assert.DoesNotContain("key", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Volume_HasWhatTheImageHasThereAndIsTheContainersOwn()
    {
        PodNode.Require();
        var image = await ImportAsync(
            "data",
            tar =>
            {
                TestImage.Directory(tar, "data", 0x1C9, 1000, 1000);
                TestImage.Put(tar, "data/file", "from the image"u8.ToArray(), 0x180, 1000, 1000);
            },
            i => i.With("Volumes", new JsonObject { ["/data"] = new JsonObject() }));
        const string Script = "cat /data/file; echo; stat -c '%a %u' /data /data/file; echo new > /data/new; grep ' /data ' /proc/mounts | cut -d' ' -f2";
        Assert.Equal("from the image\n711 1000\n600 1000\n/data", await RunAsync(image, Script));
        Assert.Equal("file", await RunAsync(image, "ls /data"));
    }

    [Fact]
    public async Task MountTargetThatLeadsOutOfTheRootfs_LandsInside()
    {
        PodNode.Require();
        var outside = Directory.CreateDirectory(Path.Combine(node.Daemon.Scratch, "outside")).FullName;
        var source = Directory.CreateDirectory(Path.Combine(node.Daemon.Scratch, "mounted")).FullName;
        var image = await ImportAsync("target", tar => TestImage.Symlink(tar, "mnt", "../../.." + outside));
        await RunAsync(image, "true", c => c.Mounts.Add(new Mount { ContainerPath = "/mnt/inner", HostPath = source }));
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Theory]
    [InlineData("dev")]
    [InlineData("proc")]
    [InlineData("sys")]
    public async Task KernelDirectoryThatIsASymlink_IsRefusedOrHarmless(string name)
    {
        PodNode.Require();
        var victim = Directory.CreateDirectory(Path.Combine(node.Daemon.Scratch, "victim-" + name)).FullName;
        var image = new TestImage($"localhost/crisp/{name}:1").Layer(tar =>
        {
            TestImage.Put(tar, ".wh." + name, "");
        }).Layer(tar => TestImage.Symlink(tar, name, victim));
        await node.ImportAsync(image);
        try
        {
            await RunAsync(image.Name, "true");
        }
        catch (Grpc.Core.RpcException error)
        {
            Assert.Contains(name, error.Status.Detail, StringComparison.Ordinal);
        }

        Assert.Empty(Directory.GetFileSystemEntries(victim));
    }

    [Fact]
    public async Task EntrypointProcSelfExe_DoesNotReachTheRuntime()
    {
        PodNode.Require();
        // The program that executes it is crisp-sandbox: what runs must not be able to write to that (CVE-2019-5736).
        var id = await node.CreateAsync(_pod, ["/proc/self/exe"]);
        try
        {
            await node.StartAsync(id);
            await node.StopAsync(id);
        }
        catch (Grpc.Core.RpcException error)
        {
            Assert.Contains("/proc/self/exe", error.Status.Detail, StringComparison.Ordinal);
        }

        await node.RemoveAsync(id);
        Assert.Equal("alive", await RunAsync(TestImage.Busybox, "echo alive"));
    }

    [Fact]
    public async Task RootfsWithoutPasswd_RunsNumbersAndRefusesNames()
    {
        PodNode.Require();
        var image = new TestImage("localhost/crisp/nopasswd:1", passwd: false);
        await node.ImportAsync(image);
        Assert.Equal("1234", await RunAsync(image.Name, "id -u", c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1234 }));
        var (_, message) = await PodNode.RefusedAsync(() => RunAsync(image.Name, "id -u", c => c.Linux.SecurityContext.RunAsUsername = "alice"));
        Assert.Contains("alice", message, StringComparison.Ordinal);
    }

    private async Task<string> ImportAsync(string name, Action<System.Formats.Tar.TarWriter> layer, Action<TestImage>? change = null)
    {
        var image = new TestImage($"localhost/crisp/{name}:1").Layer(layer);
        change?.Invoke(image);
        await node.ImportAsync(image);
        return image.Name;
    }

    private async Task<string> RunAsync(string image, string script, Action<ContainerConfig>? change = null) => (await node.OutputAsync(
        _pod,
        ["/bin/sh", "-c", script],
        c =>
        {
            c.Image.Image = image;
            change?.Invoke(c);
        })).Output;
}
