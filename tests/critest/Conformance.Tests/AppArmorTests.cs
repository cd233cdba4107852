using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "AppArmor". Skipped where the node's kernel has none; the test VM's has.</summary>
public sealed class AppArmorTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    private const string Enabled = "/sys/module/apparmor/parameters/enabled";

    [Fact]
    public async Task RuntimeDefault_IsEnforced()
    {
        Require();
        Assert.SkipWhen(Endpoint.IsMachine, "the node's AppArmor does not see a virtual machine's processes: RuntimeDefault means the machine there");
        Assert.EndsWith("(enforce)", await ProfileAsync(SecurityProfile.Types.ProfileType.RuntimeDefault), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unconfined_IsNoProfile()
    {
        Require();
        Assert.Equal("unconfined", await ProfileAsync(SecurityProfile.Types.ProfileType.Unconfined));
    }

    [Fact]
    public async Task Localhost_ThatIsNotLoadedIsRefused()
    {
        Require();
        var pod = await Cri.PodAsync();
        await CriCalls.RefusedAsync(() => Cri.LaunchAsync(pod, ["true"], c => c.Linux.SecurityContext.Apparmor = new SecurityProfile
        {
            ProfileType = SecurityProfile.Types.ProfileType.Localhost,
            LocalhostRef = "localhost/crisp-conformance-not-loaded",
        }));
    }

    private async Task<string> ProfileAsync(SecurityProfile.Types.ProfileType type)
        => (await Cri.ScriptAsync("cat /proc/self/attr/current", c => c.Linux.SecurityContext.Apparmor = new SecurityProfile { ProfileType = type })).Trim();

    private static void Require()
        => Assert.SkipUnless(File.Exists(Enabled) && File.ReadAllText(Enabled).StartsWith('Y'), "the node's kernel has no AppArmor");
}
