using Crisp.Install.Host;
using Crisp.Linux;
using Xunit;

namespace Crisp.Install.Tests;

/// <summary>Programs of a host that is a directory with a shell in it.</summary>
public sealed class HostCommandsTests : IDisposable
{
    private const string Shell = "/bin/busybox";
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(30);
    private readonly string _root = Directory.CreateTempSubdirectory("crisp-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Program_RunsBelowTheHostsRoot_AndTellsAll()
    {
        var result = await RunAsync("echo out; echo err >&2; ls / ; pwd; cat; exit 3");

        Assert.Equal(new CommandResult(3, "out\nbin\n/\n", "err"), result);
    }

    [Fact]
    public async Task Program_InheritsNothingButItsStreams()
    {
        using var open = Files.Open("/dev/null", OpenFlags.ReadOnly);
        var result = await RunAsync("echo $SYSTEMD_IGNORE_CHROOT $LC_ALL; env | wc -l; for fd in 3 4 5 6 7 8 9; do (true <&$fd) 2> /dev/null && echo $fd; done; true");

        Assert.Equal("1 C.UTF-8\n", result.Output[..10]);
        Assert.Equal(2, result.Output.TrimEnd().Split('\n').Length);
    }

    [Fact]
    public async Task ProgramThatHangs_IsKilled()
    {
        Require();
        var error = await Assert.ThrowsAsync<HostException>(
            () => new HostCommands(_root).RunAsync(Shell, ["sh", "-c", "sleep 1000"], TimeSpan.FromMilliseconds(300), CancellationToken.None));

        Assert.Contains("did not end within 0 s and was killed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SignalThatEndedIt_IsTheExitCode()
        => Assert.Equal(128 + 15, (await RunAsync("kill -TERM $$")).ExitCode);

    [Fact]
    public async Task ProgramThatIsNotThere_IsASentence()
    {
        Require();
        var error = await Assert.ThrowsAsync<HostException>(
            () => new HostCommands(_root).RunAsync("/usr/bin/systemctl", ["daemon-reload"], s_deadline, CancellationToken.None));

        Assert.StartsWith($"/usr/bin/systemctl of the host cannot be run below {_root}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("ENOENT", error.Message, StringComparison.Ordinal);
    }

    private Task<CommandResult> RunAsync(string script)
    {
        Require();
        return new HostCommands(_root).RunAsync(Shell, ["sh", "-c", script], s_deadline, CancellationToken.None);
    }

    private void Require()
    {
        Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
        Assert.SkipUnless(File.Exists(Shell), "needs busybox (Debian: busybox-static)");
        Directory.CreateDirectory(Path.Combine(_root, "bin"));
        File.Copy(Shell, _root + Shell, overwrite: true);
        if (!File.Exists(_root + "/bin/cat"))
        {
            foreach (var applet in new[] { "ls", "cat", "env", "wc", "sleep" })
            {
                File.CreateSymbolicLink($"{_root}/bin/{applet}", "busybox");
            }
        }
    }
}
