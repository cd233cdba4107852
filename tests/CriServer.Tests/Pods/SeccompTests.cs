using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;
using ProfileType = Crisp.Cri.V1.SecurityProfile.Types.ProfileType;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>What a program in a container sees of each seccomp profile.</summary>
public sealed class SeccompTests(PodNode node) : IClassFixture<PodNode>
{
    private const string Probe = "grep ^Seccomp: /proc/self/status; busybox unshare -U true && echo unshared";

    [Fact]
    public async Task RuntimeDefault_KeepsNewNamespacesAway()
    {
        PodNode.Require();
        var (status, output) = await RunAsync(Probe, ProfileType.RuntimeDefault);
        Assert.NotEqual(0, status.ExitCode);
        Assert.StartsWith("Seccomp:\t2\n", output, StringComparison.Ordinal);
        Assert.Contains("Operation not permitted", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RuntimeDefault_HoldsForUsersAndWithNoNewPrivileges(bool noNewPrivileges)
    {
        PodNode.Require();
        var (status, output) = await RunAsync("grep -E '^(Seccomp|NoNewPrivs|CapEff):' /proc/self/status; ls / > /dev/null && id -u", ProfileType.RuntimeDefault, c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
            c.Linux.SecurityContext.NoNewPrivs = noNewPrivileges;
        });
        Assert.Equal(0, status.ExitCode);
        Assert.Equal($"CapEff:\t0000000000000000\nNoNewPrivs:\t{(noNewPrivileges ? 1 : 0)}\nSeccomp:\t2\n1000", output);
    }

    [Fact]
    public async Task RuntimeDefault_AllowsWhatACapabilityIsFor()
    {
        PodNode.Require();
        var (status, output) = await RunAsync("busybox unshare -m true && echo unshared", ProfileType.RuntimeDefault, c =>
            c.Linux.SecurityContext.Capabilities = new Capability { AddCapabilities = { "SYS_ADMIN" } });
        Assert.Equal((0, "unshared"), (status.ExitCode, output));
    }

    [Fact]
    public async Task Unconfined_HasNoFilter()
    {
        PodNode.Require();
        var (status, output) = await RunAsync(Probe, ProfileType.Unconfined);
        Assert.Equal((0, "Seccomp:\t0\nunshared"), (status.ExitCode, output));
    }

    [Fact]
    public async Task Localhost_IsTheFileOfTheNode_AndHoldsForExecs()
    {
        PodNode.Require();
        var path = Path.Combine(node.Daemon.Scratch, "profile.json");
        await File.WriteAllTextAsync(
            path,
            """{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 98 }] }""",
            TestContext.Current.CancellationToken);
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sleep", "1000"], c =>
            c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = ProfileType.Localhost, LocalhostRef = path });
        var (code, _, errors) = await node.ExecAsync(container, "mkdir", "/tmp/x");
        Assert.Equal(1, code);
        Assert.Contains("Address already in use", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Localhost_ThatIsMissing_IsRefused()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var (code, message) = await PodNode.RefusedAsync(() => node.CreateAsync(pod, ["true"], c =>
            c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = ProfileType.Localhost, LocalhostRef = "/no/such.json" }));
        Assert.Equal(StatusCode.FailedPrecondition, code);
        Assert.Contains("/no/such.json cannot be read", message, StringComparison.Ordinal);
    }

    private async Task<(ContainerStatus Status, string Output)> RunAsync(string script, ProfileType profile, Action<ContainerConfig>? change = null)
        => await node.OutputAsync(await node.RunPodAsync(), ["sh", "-c", script], c =>
        {
            c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = profile };

            // Where it is on, its default profile forbids mounts too.
            c.Linux.SecurityContext.Apparmor = new SecurityProfile { ProfileType = ProfileType.Unconfined };
            change?.Invoke(c);
        });
}
