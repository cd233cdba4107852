using Crisp.Cgroups;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>A pod's process of an older version is asked for nothing that it does not know.</summary>
public sealed class FeatureTests
{
    [Theory]
    [InlineData("Boot")]
    [InlineData("Stats")]
    [InlineData("Dial")]
    [InlineData("Attach")]
    public async Task Call_ThatTheProcessDoesNotKnowIsNotMade(string call)
    {
        var asked = new List<string>();
        using var process = new PlayedGuest(request =>
        {
            asked.Add(request.Method);
            return PlayedGuest.Polite(request);
        });
        await using var client = await SandboxClient.ConnectAsync(process.Path);
        var error = await Assert.ThrowsAsync<SandboxException>(() => call switch
        {
            "Boot" => client.BootAsync(),
            "Stats" => client.StatsAsync("", StatsParts.All),
            "Dial" => client.DialAsync(80),
            _ => client.AttachAsync("", new ExecStreams(true, true, true)),
        });
        Assert.Equal((RpcCode.FailedPrecondition, true), (error.Code, error.Message.EndsWith("Make the pod anew.", StringComparison.Ordinal)));
        Assert.Equal(["Hello"], asked);
    }
}
