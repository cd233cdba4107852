using Xunit;

namespace Crisp.NodeAgent.Tests.Reconciling;

/// <summary>Tests of the agent whole on one node, n1. Whatever a test does, the agent sends what a strict API server takes.</summary>
public abstract class AgentTest : IAsyncLifetime
{
    private protected AgentRig Rig { get; private set; } = null!;

    private protected bool IsSwitched =>
        Rig.IsOnCrisp && !Rig.Api.IsCordoned("n1") && Rig.Api.LeaseHolder is null && Rig.Api.EventReasons().Contains("Switched");

    public async ValueTask InitializeAsync() => Rig = await AgentRig.CreateAsync();

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Assert.Empty(Rig.Api.Objections);
        await Rig.DisposeAsync();
    }

    private protected Task SwitchedAsync() => Rig.UntilAsync(() => IsSwitched, "the node is switched");
}
