using System.Text.Json;
using Crisp.CriServer.Tests.Daemon;
using Xunit;

namespace Crisp.CriServer.Tests.Check;

/// <summary>crisp check on this machine.</summary>
public sealed class NodeCheckTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Node_IsTriedAndNothingIsLeft()
    {
        CrispBinaries.RequirePods();
        var (code, checks) = await RunAsync(CrispBinaries.Sandbox!);

        // What the tests of pods need, and so is there on every machine that runs them.
        Assert.All(
            (string[])["kernel", "root", "capabilities", "namespaces", "cgroup controllers", "cgroup limits", "extended attributes", "d_type", "overlay", "crisp-sandbox"],
            name => Assert.Equal("Ok", checks[name].State));
        Assert.All(
            (string[])["CAP_SYS_RESOURCE", "user namespaces", "cgroups", "seccomp", "AppArmor", "SELinux", "disk space", "project quota", "open files", "clock", "CNI", "CDI", "KVM", "guest image", "daemon"],
            name => Assert.Contains(name, checks.Keys));
        Assert.Equal(0, code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.Path, "crisp-check-*"));
        Assert.DoesNotContain("crisp-check", await File.ReadAllTextAsync("/proc/self/mounts"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task NodeWithoutThePodsProgram_CannotRunPods()
    {
        CrispBinaries.RequirePods();
        var (code, checks) = await RunAsync("/no/such/crisp-sandbox");
        Assert.Equal((1, "Missing", true), (code, checks["crisp-sandbox"].State, checks["crisp-sandbox"].IsNecessary));
    }

    [Fact]
    public async Task ProgramThatIsNoCrispSandbox_IsFoundOut()
    {
        CrispBinaries.RequirePods();
        var (code, checks) = await RunAsync("/bin/false");
        Assert.Equal((1, "Missing"), (code, checks["crisp-sandbox"].State));
    }

    [Fact]
    public async Task RunningDaemon_IsAsked()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var (_, output, _) = await CrispProcess.RunAsync("check", "--socket", daemon.SocketPath);
        Assert.Matches($"ok +daemon +crisp .* answers on {daemon.SocketPath}\n", output);
        Assert.Matches("ok +RuntimeReady +true\n", output);
    }

    private async Task<(int Code, Dictionary<string, Check> Checks)> RunAsync(string sandboxBinary)
    {
        var file = _directory.Combine("config.toml");
        await File.WriteAllTextAsync(
            file, $"root = \"{_directory.Combine("not/yet/there")}\"\nsandbox_binary = \"{sandboxBinary}\"\nsocket = \"{_directory.Combine("no.sock")}\"\n");
        var (code, output, error) = await CrispProcess.RunAsync("check", "--config", file, "--output", "json");
        Assert.Empty(error);
        var checks = JsonDocument.Parse(output).RootElement.GetProperty("checks").EnumerateArray().ToDictionary(
            c => c.GetProperty("name").GetString()!, c => new Check(c.GetProperty("state").GetString()!, c.GetProperty("isNecessary").GetBoolean()));
        return (code, checks);
    }

    private sealed record Check(string State, bool IsNecessary);
}
