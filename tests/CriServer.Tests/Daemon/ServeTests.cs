using System.Diagnostics;
using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Daemon;

public sealed class ServeTests
{
    [Fact]
    public async Task Start_MakesDirectoriesAndSocketForTheOwnerAlone()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        Assert.Equal("0700 0700 0600", $"{Mode(daemon.Root)} {Mode(daemon.Run)} {Mode(daemon.SocketPath)}");
    }

    [Fact]
    public async Task Terminate_EndsWithZeroAndTakesTheSocketAway()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        Assert.Equal(0, await daemon.StopAsync());
        Assert.False(File.Exists(daemon.SocketPath));
    }

    [Fact]
    public async Task StartAfterKill_ReplacesTheDeadSocket()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        await daemon.KillAsync();
        Assert.True(File.Exists(daemon.SocketPath));
        await daemon.StartAgainAsync();
        Assert.Equal("crisp", (await daemon.Runtime.VersionAsync(new VersionRequest())).RuntimeName);
    }

    [Fact]
    public async Task SecondDaemonOnTheSameRoot_IsRefusedAndNamesTheFirst()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var (code, error) = await RunAsync("serve", "--root", daemon.Root, "--run", Path.Combine(daemon.Scratch, "run"));
        Assert.Equal(1, code);
        Assert.Contains($"process {daemon.ProcessId}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SecondDaemonOnTheSameSocket_IsRefusedAndTheFirstAnswersOn()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var (code, error) = await RunAsync("serve", "--root", Path.Combine(daemon.Scratch, "root"), "--run", daemon.Run);
        Assert.Equal(1, code);
        Assert.Contains("Another process listens", error, StringComparison.Ordinal);
        await daemon.Runtime.VersionAsync(new VersionRequest());
    }

    [Fact]
    public async Task SocketPathThatIsAFile_IsRefusedAndKept()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var file = Path.Combine(daemon.Scratch, "precious");
        await File.WriteAllTextAsync(file, "precious");
        var (code, error) = await RunAsync(
            "serve", "--root", Path.Combine(daemon.Scratch, "root"), "--run", Path.Combine(daemon.Scratch, "run"), "--socket", file);
        Assert.Equal(1, code);
        Assert.Contains("no socket", error, StringComparison.Ordinal);
        Assert.Equal("precious", await File.ReadAllTextAsync(file));
    }

    [Fact]
    public async Task CallThatIsLeftOut_AnswersUnimplementedWithASentence()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        var error = await Assert.ThrowsAsync<RpcException>(async () => await daemon.Runtime.CheckpointPodAsync(new CheckpointPodRequest { PodSandboxId = "abc" }));
        Assert.Equal(StatusCode.Unimplemented, error.StatusCode);
        Assert.Equal("The pod abc cannot be checkpointed: this version writes no checkpoints of pods.", error.Status.Detail);
    }

    [Fact]
    public async Task SystemdDriver_WithoutSystemd_IsRefusedAtTheStart()
    {
        Assert.SkipWhen(Directory.Exists("/run/systemd/system"), "needs a machine without systemd");
        using var directory = new TemporaryDirectory();
        var (code, error) = await RunAsync(
            "serve", "--root", directory.Combine("root"), "--run", directory.Combine("run"), "--cgroup-driver", "systemd");
        Assert.Equal(1, code);
        Assert.Contains("needs systemd as process 1", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SystemdDriver_WithAParentThatIsNoSlice_IsRefusedAtTheStart()
    {
        Assert.SkipUnless(Directory.Exists("/run/systemd/system"), "needs systemd as process 1");
        using var directory = new TemporaryDirectory();
        var (code, error) = await RunAsync(
            "serve", "--root", directory.Combine("root"), "--run", directory.Combine("run"), "--cgroup-driver", "systemd", "--cgroup-parent", "crisp");
        Assert.Equal(1, code);
        Assert.Contains("cgroup_parent must be a slice", error, StringComparison.Ordinal);
    }

    private static string Mode(string path) => "0" + Convert.ToString((int)File.GetUnixFileMode(path), 8);

    private static async Task<(int Code, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(CrispBinaries.Crisp, arguments) { RedirectStandardError = true })!;
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, error);
    }
}
