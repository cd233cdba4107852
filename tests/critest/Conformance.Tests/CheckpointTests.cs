using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>
/// CheckpointContainer, which a runtime need not have: then it says so with UNIMPLEMENTED, on which the kubelet relies to tell
/// its caller that it will never work.
/// </summary>
public sealed class CheckpointTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Checkpoint_IsWrittenOrUnimplemented()
    {
        var container = await Cri.RunAsync(["sleep", "1000"]);
        var archive = Cri.LogDirectory("checkpoint.tar");
        try
        {
            await Cri.Runtime.CheckpointContainerAsync(new CheckpointContainerRequest { ContainerId = container, Location = archive, Timeout = 30 });
            Assert.True(File.Exists(archive), "There is no archive.");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            Assert.NotEmpty(e.Status.Detail);
        }
        catch (RpcException e) when (Endpoint.IsExternal)
        {
            Assert.Skip($"the runtime's checkpoints do not work on this node: {e.Status.Detail}");
        }

        Assert.Equal(ContainerState.ContainerRunning, (await Cri.StatusAsync(container)).State);
    }
}
