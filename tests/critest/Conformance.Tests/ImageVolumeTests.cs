using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Image Volume".</summary>
public sealed class ImageVolumeTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Volume_HasTheImagesFilesAndRunsThem()
        => Assert.Equal("from the image", await Cri.ScriptAsync("/volume/bin/echo from the image", Volume()));

    [Fact]
    public async Task Volume_RefusesWrites()
        => Assert.Contains("Read-only", await Cri.ScriptAsync("touch /volume/file", Volume()), StringComparison.Ordinal);

    [Fact]
    public async Task WritableVolume_IsRefused() => await RefusedAsync(Volume(m => m.Readonly = false));

    [Fact]
    public async Task SubPath_IsTheVolumesRoot()
    {
        var output = await Cri.ScriptAsync("cd /volume && ls passwd etc", Volume(m => m.ImageSubPath = "etc"));
        Assert.Contains("passwd", output, StringComparison.Ordinal);
        Assert.Contains("etc: No such file", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SubPathThatIsNotThere_IsRefused() => await RefusedAsync(Volume(m => m.ImageSubPath = "not-there"));

    [Fact]
    public async Task Status_TellsTheImagesId()
    {
        var container = await Cri.CreateAsync(await Cri.PodAsync(), ["true"], Volume());
        var told = Assert.Single((await Cri.StatusAsync(container)).Mounts, m => m.ContainerPath == "/volume");
        Assert.Equal((await Cri.ImageAsync(Cri.Image))?.Id, told.Image?.ImageRef);
    }

    private Action<ContainerConfig> Volume(Action<Mount>? change = null) => c =>
    {
        var mount = new Mount { ContainerPath = "/volume", Readonly = true, Image = new ImageSpec { Image = Cri.Image } };
        change?.Invoke(mount);
        c.Mounts.Add(mount);
    };

    private async Task RefusedAsync(Action<ContainerConfig> change)
    {
        var pod = await Cri.PodAsync();
        await CriCalls.RefusedAsync(() => Cri.CreateAsync(pod, ["true"], change));
    }
}
