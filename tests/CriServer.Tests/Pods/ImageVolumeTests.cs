using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Images that a container mounts beside its own (KEP-4639).</summary>
public sealed class ImageVolumeTests(PodNode node) : IClassFixture<PodNode>
{
    private static readonly SemaphoreSlim _import = new(1);

    [Fact]
    public async Task Content_IsAllLayersReadOnlyAndExecutable()
    {
        var pod = await PodAsync();
        const string Script = "cat /data/one /data/two; ls /data/gone; echo x > /data/one; /data/bin/busybox echo runs; ls -l /data/one";
        var (_, output) = await node.OutputAsync(pod, ["sh", "-c", $"({Script}) 2>&1"], c => c.Mounts.Add(Volume()));
        Assert.StartsWith("first\nsecond\nls: /data/gone: No such file or directory\n", output, StringComparison.Ordinal);
        Assert.Contains("/data/one: Read-only file system", output, StringComparison.Ordinal);
        Assert.Contains("\nruns\n", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dir", "cat /data/inner", "deep")]
    [InlineData("dir/", "cat /data/inner", "deep")]
    [InlineData("link", "cat /data/inner", "deep")]
    [InlineData("outside", "ls /data", "motd")] // absolute in the image, so it stays in it
    [InlineData("one", "cat /data", "first")]
    public async Task SubPath_IsFoundInTheImage(string path, string command, string expected)
    {
        var pod = await PodAsync();
        var (_, output) = await node.OutputAsync(pod, ["sh", "-c", command], c => c.Mounts.Add(Volume(m => m.ImageSubPath = path)));
        Assert.Equal(expected, output);
    }

    [Fact]
    public async Task SubPathThatIsMissing_IsRefusedAndLeavesNothing()
    {
        var pod = await PodAsync();
        var (code, message) = await PodNode.RefusedAsync(() => node.CreateAsync(pod, ["true"], c => c.Mounts.Add(Volume(m => m.ImageSubPath = "no/such"))));
        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.StartsWith("ImageVolumeMountFailed: ", message, StringComparison.Ordinal);
        Assert.Contains("no/such", message, StringComparison.Ordinal);
        await Invariants.CheckAsync(node);
    }

    [Fact]
    public async Task ImageThatIsMissing_IsRefused()
    {
        var pod = await PodAsync();
        var (code, message) = await PodNode.RefusedAsync(() => node.CreateAsync(pod, ["true"], c => c.Mounts.Add(Volume(m => m.Image.Image = "localhost/no/such:2"))));
        Assert.Equal(StatusCode.NotFound, code);
        Assert.StartsWith("ImageVolumeMountFailed: The image localhost/no/such:2", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_HasTheImageAndItsId()
    {
        var pod = await PodAsync();
        var container = await node.CreateAsync(pod, ["true"], c => c.Mounts.Add(Volume(m => (m.ImageSubPath, m.Image.UserSpecifiedImage) = ("dir", "mine"))));
        var mount = Assert.Single((await node.StatusAsync(container)).Mounts);
        var image = await node.Daemon.Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = Name } });
        Assert.Equal((Name, "mine", image.Image.Id, "dir"), (mount.Image.Image, mount.Image.UserSpecifiedImage, mount.Image.ImageRef, mount.ImageSubPath));
    }

    [Fact]
    public async Task UserNamespace_SeesItsOwnIds()
    {
        var pod = await PodAsync(c => c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = UserNamespace());
        var (_, output) = await node.OutputAsync(pod, ["stat", "-c", "%u:%g", "/data/one", "/data/owned"], c =>
        {
            c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = UserNamespace();
            c.Mounts.Add(Volume());
        });
        Assert.Equal("0:0\n7:8", output);
    }

    [Fact]
    public async Task RemovedImage_StaysInTheContainersThatMountIt()
    {
        PodNode.Require();
        var image = Image("localhost/crisp/volume-in-use:1", "own");
        await node.ImportAsync(image);
        var pod = await node.RunPodAsync();
        var running = await node.LaunchAsync(pod, ["sleep", "1000"], c => c.Mounts.Add(Volume(m => m.Image.Image = image.Name)));
        var created = await node.CreateAsync(pod, ["cat", "/data/two"], c => c.Mounts.Add(Volume(m => m.Image.Image = image.Name)));
        var before = Layers();
        await node.Daemon.Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = image.Name } });
        Assert.Equal(before, Layers());
        Assert.Equal((0, "own", ""), await node.ExecAsync(running, "cat", "/data/two"));
        await node.StartAsync(created);
        Assert.Equal("own", PodNode.Log(await node.EndAsync(created)));
        await node.RemovePodAsync(pod);
        Assert.NotEqual(before, Layers());
    }

    private static string Name => "localhost/crisp/volume:1";

    private static TestImage Image(string name, string second) => new TestImage(name)
        .Layer(tar =>
        {
            TestImage.Put(tar, "one", "first\n");
            TestImage.Put(tar, "gone", "x");
            TestImage.Put(tar, "owned", "x"u8.ToArray(), uid: 7, gid: 8);
            TestImage.Directory(tar, "dir");
            TestImage.Put(tar, "dir/inner", "deep");
            TestImage.Directory(tar, "srv");
            TestImage.Put(tar, "srv/motd", "x");
            TestImage.Symlink(tar, "link", "dir");
            TestImage.Symlink(tar, "outside", "/srv");
        })
        .Layer(tar =>
        {
            TestImage.Put(tar, "two", second);
            TestImage.Put(tar, ".wh.gone", "");
        });

    private static Mount Volume(Action<Mount>? change = null)
    {
        var mount = new Mount { ContainerPath = "/data", Readonly = true, Image = new ImageSpec { Image = Name } };
        change?.Invoke(mount);
        return mount;
    }

    private static UserNamespace UserNamespace() => new()
    {
        Mode = NamespaceMode.Pod,
        Uids = { new IDMapping { ContainerId = 0, HostId = 100000, Length = 65536 } },
        Gids = { new IDMapping { ContainerId = 0, HostId = 100000, Length = 65536 } },
    };

    private async Task<string> PodAsync(Action<PodSandboxConfig>? change = null)
    {
        PodNode.Require();
        await _import.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            var known = await node.Daemon.Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = Name } });
            if (known.Image is null)
            {
                await node.ImportAsync(Image(Name, "second\n"));
            }
        }
        finally
        {
            _import.Release();
        }

        return await node.RunPodAsync(change);
    }

    private string[] Layers() => [.. Directory.GetDirectories(Path.Combine(node.Daemon.Root, "images", "layers")).Order()];
}
