using Crisp.Cri.V1;
using Crisp.CriServer.AppArmor;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Tests.Containers;
using Grpc.Core;
using Xunit;
using ProfileType = Crisp.Cri.V1.SecurityProfile.Types.ProfileType;

namespace Crisp.CriServer.Tests.AppArmor;

public sealed class AppArmorProfilesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _loaded = [];
    private string? _failure;

    private string List => _directory.Combine("profiles");

    private AppArmorProfiles Profiles => new(List, text =>
    {
        _loaded.Add(text);
        return _failure;
    });

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Default_IsLoadedOnce()
    {
        File.WriteAllText(List, "crisp-default-2 (enforce)\n");
        Assert.Equal("crisp-default", Profiles.Default());
        Assert.Contains("profile crisp-default flags", Assert.Single(_loaded), StringComparison.Ordinal);
        File.AppendAllText(List, "crisp-default (enforce)\n");
        Assert.Equal("crisp-default", Profiles.Default());
        Assert.Single(_loaded);
    }

    [Fact]
    public void DefaultThatCannotBeLoaded_IsRefusedWithTheReason()
    {
        _failure = "it is not installed.";
        var error = Assert.Throws<CriException>(() => Profiles.Default());
        Assert.Equal(StatusCode.FailedPrecondition, error.Code);
        Assert.Contains("cannot be loaded: it is not installed.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Localhost_IsTheNameOfALoadedProfile()
    {
        File.WriteAllText(List, "my profile (complain)\nother (enforce)\n");
        Assert.Equal("my profile", Profiles.Localhost("localhost/my profile"));
        Assert.Equal("other", Profiles.Localhost("other"));
        Assert.Contains("my is not loaded", Assert.Throws<CriException>(() => Profiles.Localhost("my")).Message, StringComparison.Ordinal);
        Assert.Contains("names none", Assert.Throws<CriException>(() => Profiles.Localhost("localhost/")).Message, StringComparison.Ordinal);
        File.Delete(List);
        Assert.Equal("my", Profiles.Localhost("my"));
    }

    [Fact]
    public void DefaultProfile_IsTakenByTheParser()
    {
        Assert.SkipWhen(ProfileParser.Program is null, "needs apparmor_parser (Debian: apparmor)");
        Assert.Null(ProfileParser.Check(DefaultProfile.Text));
        var fault = ProfileParser.Check(DefaultProfile.Text.Replace("network,", "netwrk,", StringComparison.Ordinal));
        Assert.Matches("^apparmor_parser ended with [1-9].*\\.$", fault);
    }

    [Theory]
    [InlineData(null, "", false, "crisp-default")]
    [InlineData(null, "", true, null)]
    [InlineData(ProfileType.RuntimeDefault, "", false, "crisp-default")]
    [InlineData(ProfileType.RuntimeDefault, "", true, null)]
    [InlineData(ProfileType.Unconfined, "", false, null)]
    [InlineData(ProfileType.Localhost, "", true, "mine")]
    [InlineData(null, "unconfined", false, null)]
    [InlineData(null, "runtime/default", false, "crisp-default")]
    [InlineData(null, "localhost/mine", false, "mine")]
    [InlineData(ProfileType.Unconfined, "localhost/mine", false, null)]
    public void Containers_GetWhatTheyAskFor(ProfileType? type, string deprecated, bool privileged, string? expected)
    {
        File.WriteAllText(List, "mine (enforce)\n");
        var spec = SpecInputs.Build(
            c =>
            {
                c.Linux.SecurityContext.Privileged = privileged;
                c.Linux.SecurityContext.Apparmor = type is { } t ? new SecurityProfile { ProfileType = t, LocalhostRef = "mine" } : null;
                Deprecate(c.Linux.SecurityContext, deprecated, "");
            },
            sandbox: s => s with { Privileged = true },
            node: new NodeFacts { AppArmor = true, AppArmorProfiles = Profiles });
        Assert.Equal(expected, spec.Process.ApparmorProfile);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("unconfined", false)]
    [InlineData("runtime/default", true)]
    [InlineData("docker/default", true)]
    public void Seccomp_IsToldByTheOldFieldToo(string deprecated, bool filtered)
        => Assert.Equal(filtered, SpecInputs.Build(c => Deprecate(c.Linux.SecurityContext, "", deprecated)).Process.SeccompProgram is not null);

    [Fact]
    public void OldFieldsThatMeanNothing_AreRefused() => Assert.Throws<CriException>(
        () => SpecInputs.Build(c => Deprecate(c.Linux.SecurityContext, "", "default")));

#pragma warning disable CS0612 // What old clients send.
    private static void Deprecate(LinuxContainerSecurityContext context, string apparmor, string seccomp)
        => (context.ApparmorProfile, context.SeccompProfilePath) = (apparmor, seccomp);
#pragma warning restore CS0612
}
