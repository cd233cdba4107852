using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>AppArmor profiles, where the node has AppArmor.</summary>
public sealed class ApparmorTests : IDisposable
{
    private readonly LaunchFixture _fixture;

    // What is skipped is not disposed: the fixture comes last.
    public ApparmorTests()
    {
        const string Enabled = "/sys/module/apparmor/parameters/enabled";
        Assert.SkipUnless(File.Exists(Enabled) && File.ReadAllText(Enabled).StartsWith('Y'), "AppArmor is not enabled");
        _fixture = new LaunchFixture();
    }

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Profile_IsWrittenForTheProgram(bool noNewPrivileges)
    {
        var spec = Specs.Container("cat /proc/self/attr/current").With(p => p with
        {
            ApparmorProfile = "unconfined",
            NoNewPrivileges = noNewPrivileges,
            User = new UserSpec { User = "1000" },
        });

        Assert.StartsWith("unconfined", _fixture.Run(spec));
        Assert.StartsWith("unconfined", _fixture.Run(spec, _fixture.Pod(Specs.UserPod)));
    }

    [Fact]
    public void ProfileThatIsNotLoaded_IsNamed()
    {
        var spec = Specs.Container("true").With(p => p with { ApparmorProfile = "no-such-profile" });

        Assert.Contains("Enter the AppArmor profile no-such-profile: write ", Assert.Throws<SandboxException>(() => _fixture.Start(spec)).Message);
    }
}
