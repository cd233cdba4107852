using Crisp.CriServer.State;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>As <see cref="FailpointTests"/>, with pods that are virtual machines, which live on while there is no daemon.</summary>
public sealed class VmFailpointTests(VmPodNode machines) : IClassFixture<VmPodNode>
{
    public static TheoryData<FailpointName> Names => [.. Enum.GetValues<FailpointName>()];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task DeathAtAFailpoint_IsMadeGoodByTheRetry(FailpointName name)
    {
        VmPodNode.Require();

        // Every life starts a machine: one death at each failpoint, wherever this runs.
        await new DaemonDeaths(machines.Node, VmPodNode.Handler).AtAsync(name, everyHit: false);
    }

    [Fact]
    public async Task RandomDeaths_LoseAndLeaveNothing()
    {
        VmPodNode.Require();
        await new DaemonDeaths(machines.Node, VmPodNode.Handler).AtRandomAsync(workers: 1, kills: 15, longest: TimeSpan.FromSeconds(6));
    }
}
