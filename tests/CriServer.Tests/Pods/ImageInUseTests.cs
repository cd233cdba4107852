using Crisp.Cri.V1;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Images that are removed while containers run from them.</summary>
public sealed class ImageInUseTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task RemovedImage_LivesOnInItsContainersAndGoesWithTheLast()
    {
        PodNode.Require();
        var image = new TestImage("localhost/crisp/in-use:1");
        image.Layer(tar => TestImage.Put(tar, "marker", "still here"));
        var others = Layers();
        await node.ImportAsync(image);
        var before = Layers();
        var pod = await node.RunPodAsync();
        var running = await node.LaunchAsync(pod, ["sleep", "1000"], c => c.Image.Image = image.Name);
        var created = await node.CreateAsync(pod, ["cat", "/marker"], c => c.Image.Image = image.Name);
        await node.Daemon.Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = image.Name } });
        Assert.Equal(before, Layers());

        // Neither a restart nor a sweep takes them away.
        await node.Daemon.KillAsync();
        await node.Daemon.StartAgainAsync();
        Assert.Equal(before, Layers());
        Assert.Equal((0, "still here", ""), await node.ExecAsync(running, "cat", "/marker"));
        await node.StartAsync(created);
        Assert.Equal("still here", PodNode.Log(await node.EndAsync(created)));

        await node.StopAsync(running);
        await node.RemoveAsync(running);
        Assert.Equal(before, Layers());
        await node.RemovePodAsync(pod);
        Assert.Equal(others, Layers());
    }

    private string[] Layers() => [.. Directory.GetDirectories(Path.Combine(node.Daemon.Root, "images", "layers")).Order()];
}
