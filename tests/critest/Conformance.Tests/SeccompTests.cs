using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "SeccompProfilePath".</summary>
public sealed class SeccompTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    // SECCOMP_MODE_DISABLED and SECCOMP_MODE_FILTER, as /proc/PID/status has them.
    private const string Off = "0";
    private const string Filter = "2";
    private const string Mode = "grep Seccomp: /proc/self/status | tr -dc 0-9";

    [Fact]
    public async Task NoProfile_IsUnconfined() => Assert.Equal(Off, await Cri.ScriptAsync(Mode));

    [Fact]
    public async Task Unconfined_IsNoFilter()
        => Assert.Equal(Off, await Cri.ScriptAsync(Mode, Profile(SecurityProfile.Types.ProfileType.Unconfined)));

    [Fact]
    public async Task RuntimeDefault_IsAFilter()
        => Assert.Equal(Filter, await Cri.ScriptAsync(Mode, Profile(SecurityProfile.Types.ProfileType.RuntimeDefault)));

    [Fact]
    public async Task Localhost_IsTheProfileOfTheFile()
    {
        var profile = Profile(SecurityProfile.Types.ProfileType.Localhost, Blocking("chmod", "fchmod", "fchmodat", "fchmodat2"));
        Assert.Contains("not permitted", await Cri.ScriptAsync("chmod 400 /tmp", profile), StringComparison.Ordinal);
        Assert.Equal("ok", await Cri.ScriptAsync("mkdir /tmp/d && echo ok", profile));
    }

    [Fact]
    public async Task Localhost_HoldsForAdministratorsToo()
    {
        var profile = Profile(SecurityProfile.Types.ProfileType.Localhost, Blocking("sethostname"));
        Action<ContainerConfig> administrator = c => c.Linux.SecurityContext.Capabilities = new Capability { AddCapabilities = { "SYS_ADMIN" } };
        Assert.Equal("ok", await Cri.ScriptAsync("hostname other && echo ok", administrator));
        Assert.Contains("not permitted", await Cri.ScriptAsync("hostname other", administrator + profile), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Localhost_ThatIsNotThereIsRefused()
    {
        var pod = await Cri.PodAsync();
        var missing = Profile(SecurityProfile.Types.ProfileType.Localhost, "/nowhere/profile.json");
        await CriCalls.RefusedAsync(() => Cri.LaunchAsync(pod, ["true"], missing));
    }

    [Fact]
    public async Task Privileged_HasNoFilter()
        => Assert.Equal(
            Off,
            await Cri.ScriptAsync(
                Mode,
                Profile(SecurityProfile.Types.ProfileType.Localhost, Blocking("sethostname")) + (c => c.Linux.SecurityContext.Privileged = true),
                pod => pod.Linux.SecurityContext.Privileged = true));

    private static Action<ContainerConfig> Profile(SecurityProfile.Types.ProfileType type, string file = "")
        => c => c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = type, LocalhostRef = file };

    /// <summary>A profile that refuses these calls alone.</summary>
    /// <returns>Its path.</returns>
    private string Blocking(params string[] calls)
    {
        var path = Path.Combine(Directory.CreateDirectory(Cri.LogDirectory("profiles")).FullName, $"{calls[0]}.json");
        File.WriteAllText(path, $$"""
            {"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],
             "syscalls":[{"names":["{{string.Join("\",\"", calls)}}"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}
            """);
        return path;
    }
}
