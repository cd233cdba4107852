using Crisp.Cri.V1;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Idempotence": what is asked twice, or of what is not there, is no error.</summary>
public sealed class IdempotenceTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    private const string Nothing = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task StopPodSandbox()
    {
        await Cri.StopPodAsync(Nothing);
        var pod = await Cri.PodAsync();
        await Cri.StopPodAsync(pod);
        await Cri.StopPodAsync(pod);
    }

    [Fact]
    public async Task RemovePodSandbox()
    {
        await Cri.RemovePodAsync(Nothing);
        var pod = await Cri.PodAsync();
        await Cri.StopPodAsync(pod);
        await Cri.RemovePodAsync(pod);
        await Cri.RemovePodAsync(pod);
    }

    [Fact]
    public async Task StopContainer()
    {
        await Cri.StopAsync(Nothing);
        var container = await Cri.SleeperAsync(await Cri.PodAsync());
        await Cri.StopAsync(container);
        await Cri.StopAsync(container);
        Assert.Equal(ContainerState.ContainerExited, (await Cri.StatusAsync(container)).State);
    }

    [Fact]
    public async Task RemoveContainer()
    {
        await Cri.RemoveAsync(Nothing);
        var container = await Cri.CreateAsync(await Cri.PodAsync(), ["true"]);
        await Cri.RemoveAsync(container);
        await Cri.RemoveAsync(container);
    }

    [Fact]
    public async Task RemoveImage()
    {
        await Cri.RemoveImageAsync("localhost/conformance/not-there:1");
        await Cri.RemoveImageAsync($"sha256:{Nothing}");
    }
}
