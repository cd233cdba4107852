using Crisp.CriServer.State;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>
/// The daemon is killed between every two durable steps, with the call in flight, which is then repeated; and at fifty random
/// moments under load. What the kernel has and what the daemon says are compared each time.
/// </summary>
public sealed class FailpointTests(PodNode node) : IClassFixture<PodNode>
{
    /// <summary>An emulated machine takes half an hour for all of it: there each failpoint kills once, and chance ten times.</summary>
    private static readonly bool _emulated = Environment.GetEnvironmentVariable("CRISP_TEST_VM") == "1";

    /// <summary>No machine has to run for these.</summary>
    public static TheoryData<FailpointName> Names => [.. Enum.GetValues<FailpointName>().Where(n => n != FailpointName.SandboxBooted)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task DeathAtAFailpoint_IsMadeGoodByTheRetry(FailpointName name)
    {
        PodNode.Require();
        await new DaemonDeaths(node).AtAsync(name, everyHit: !_emulated);
    }

    [Fact]
    public async Task FiftyRandomDeathsUnderLoad_LoseAndLeaveNothing()
    {
        PodNode.Require();
        await new DaemonDeaths(node).AtRandomAsync(workers: 4, kills: _emulated ? 10 : 50, longest: TimeSpan.FromMilliseconds(400));
    }
}
