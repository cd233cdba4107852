using Crisp.Cri.V1;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Runtime info": Version, Status, RuntimeConfig.</summary>
public sealed class RuntimeInfoTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Version_NamesTheRuntimeAndTheApi()
    {
        var version = await Cri.Runtime.VersionAsync(new VersionRequest());
        Assert.Equal("v1", version.RuntimeApiVersion);
        Assert.NotEmpty(version.RuntimeName);
        Assert.NotEmpty(version.RuntimeVersion);
    }

    [Fact]
    public async Task Status_SaysThatRuntimeAndNetworkAreReady()
    {
        var conditions = (await Cri.Runtime.StatusAsync(new StatusRequest())).Status.Conditions.ToDictionary(c => c.Type, c => c.Status);
        Assert.True(conditions.GetValueOrDefault("RuntimeReady"));
        Assert.True(conditions.GetValueOrDefault("NetworkReady"));
    }

    [Fact]
    public async Task Status_ListsTheDefaultHandler()
        => Assert.Contains("", (await Cri.Runtime.StatusAsync(new StatusRequest())).RuntimeHandlers.Select(h => h.Name));

    [Fact]
    public async Task RuntimeConfig_TellsTheCgroupDriver()
        => Assert.True(Enum.IsDefined((await Cri.Runtime.RuntimeConfigAsync(new RuntimeConfigRequest())).Linux?.CgroupDriver ?? (CgroupDriver)(-1)));
}
