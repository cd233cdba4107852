using Crisp.Install.Host;
using Crisp.Linux;
using Xunit;

namespace Crisp.Install.Tests;

public sealed class InstallationTests : IDisposable
{
    private readonly FakeHost _host = new();

    [Fact]
    public async Task Host_ThatHadNothing_GetsProgramsConfigurationAndService()
    {
        Assert.True(await InstallAsync());
        var name = Versions.CurrentName!;
        Assert.StartsWith("0.1.0-", name, StringComparison.Ordinal);
        Assert.Equal(
            [
                "/etc/crisp/config.toml", "/etc/systemd/system/crisp.service", "/usr/local/bin/crisp", $"/usr/local/lib/crisp/{name}/crisp",
                $"/usr/local/lib/crisp/{name}/crisp-sandbox", "/usr/local/lib/crisp/config.toml.written", "/usr/local/lib/crisp/current",
            ],
            _host.Files);
        Assert.Equal(CrispUnit.Text, _host.Read(CrispUnit.Path));
        Assert.Equal("default", _host.Read(Installation.ConfigFile));
        Assert.Equal("1", _host.Read(ProgramFiles.CommandLink));
        Assert.Equal("1", _host.Running);
        Assert.Equal(
            ["crisp config show --config /etc/crisp/config.toml.new", "systemctl daemon-reload", "systemctl enable crisp.service", "systemctl restart crisp.service"],
            _host.Commands);
    }

    [Fact]
    public async Task Host_ThatHasItAlready_IsLeftInPeace()
    {
        await InstallAsync();
        _host.Commands.Clear();
        Assert.False(await InstallAsync());
        Assert.Equal(["systemctl is-active crisp.service"], _host.Commands);
    }

    [Fact]
    public async Task Daemon_ThatDoesNotAnswer_IsStartedAgain()
    {
        await InstallAsync();
        await _host.RunAsync("systemctl", ["stop", "crisp.service"], default, default);
        Assert.True(await InstallAsync());
        Assert.Equal("1", _host.Running);
    }

    [Fact]
    public async Task Upgrade_KeepsTheConfigurationAndTheVersionBefore()
    {
        await InstallAsync();
        _host.Root.WriteText(Installation.ConfigFile, "mine");
        var first = Versions.CurrentName;
        _host.Build("2");
        await InstallAsync();
        var second = Versions.CurrentName;
        _host.Build("3");
        await InstallAsync();
        Assert.Equal(("3", "mine"), (_host.Running, _host.Read(Installation.ConfigFile)));
        Assert.Equal(second, Versions.PreviousName);
        Assert.DoesNotContain(_host.Files, f => f.Contains(first!, StringComparison.Ordinal));
    }

    [Fact]
    public async Task FirstVersion_ThatDoesNotAnswer_LeavesNothing()
    {
        _host.Works = _ => false;
        var error = await Assert.ThrowsAsync<HostException>(InstallAsync);
        Assert.Contains("does not answer on its CRI socket", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Nothing is installed, as before.", error.Message, StringComparison.Ordinal);
        Assert.Empty(_host.Files);
        Assert.Null(_host.Running);
        Assert.False(_host.Installation.IsInstalled);
    }

    [Fact]
    public async Task Version_ThatDoesNotAnswer_IsTakenBack()
    {
        await InstallAsync();
        var (before, name) = (_host.Files.ToList(), Versions.CurrentName);
        _host.Build("2");
        _host.Works = build => build == "1";
        var error = await Assert.ThrowsAsync<HostException>(InstallAsync);
        Assert.EndsWith($"{name} runs again.", error.Message, StringComparison.Ordinal);
        Assert.Equal(("1", name), (_host.Running, Versions.CurrentName));
        Assert.Equal(before, _host.Files.Where(f => f != "/usr/local/lib/crisp/previous" && !f.Contains(Versions.PreviousName!, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("daemon-reload")]
    [InlineData("enable")]
    [InlineData("restart")]
    public async Task Step_ThatSystemdRefuses_LeavesNothingOnAHostThatHadNothing(string step)
    {
        _host.Failures[step] = "no space";
        var error = await Assert.ThrowsAsync<HostException>(InstallAsync);
        Assert.Contains($"systemctl {step}", error.Message, StringComparison.Ordinal);
        Assert.Contains("no space", error.Message, StringComparison.Ordinal);
        Assert.Equal(step != "daemon-reload", error.Message.Contains("(journalctl -u crisp.service shows more)", StringComparison.Ordinal));
        Assert.DoesNotContain("journalctl -u daemon-reload", error.Message, StringComparison.Ordinal);

        // A manager that does not reload cannot be told that the unit is gone either.
        Assert.Equal(step == "daemon-reload", _host.Files.Any());
    }

    [Fact]
    public async Task Configuration_ThatIsWrong_ChangesNothing()
    {
        _host.Root.WriteText(Installation.ConfigFile, "wrong");
        _host.Failures["config show"] = "crisp: /etc/crisp/config.toml.new:1: There is no option \"wrong\".";
        var error = await Assert.ThrowsAsync<HostException>(InstallAsync);
        Assert.Contains("crisp: /etc/crisp/config.toml:1: There is no option", error.Message, StringComparison.Ordinal);
        Assert.Equal(["/etc/crisp/config.toml"], _host.Files);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    public async Task Programs_ThatCannotBeRun_AreNotKept(string before)
    {
        if (before.Length > 0)
        {
            await InstallAsync();
            _host.Build("2");
        }

        var files = _host.Files.ToList();
        _host.NotToBeRun = "config show";
        var error = await Assert.ThrowsAsync<HostException>(InstallAsync);
        Assert.EndsWith("/crisp cannot be run.", error.Message, StringComparison.Ordinal);
        Assert.Equal(files, _host.Files);
    }

    [Fact]
    public async Task Configuration_ThatIsDemanded_ReplacesTheHosts()
    {
        await InstallAsync();
        Assert.True(await _host.Installation.InstallAsync(_host.Request with { Config = "demanded" }, CancellationToken.None));
        Assert.Equal("demanded", _host.Read(Installation.ConfigFile));
    }

    [Fact]
    public async Task Cancellation_LeavesNothingHalf()
    {
        using var cancellation = new CancellationTokenSource();
        _host.Works = _ =>
        {
            cancellation.Cancel();
            return false;
        };
        await Assert.ThrowsAsync<HostException>(() => _host.Installation.InstallAsync(_host.Request, cancellation.Token));
        Assert.Empty(_host.Files);
    }

    [Fact]
    public async Task Program_ThatIsMissing_IsNamed()
    {
        File.Delete(Path.Combine(_host.Source, "crisp-sandbox"));
        var error = await Assert.ThrowsAsync<HostException>(InstallAsync);
        Assert.Contains("crisp-sandbox is missing", error.Message, StringComparison.Ordinal);
        Assert.Empty(_host.Files);
    }

    [Fact]
    public async Task FileOfSomebodyElse_IsNotReplacedByTheLink()
    {
        _host.Root.WriteText(ProgramFiles.CommandLink, "theirs");
        var error = await Assert.ThrowsAsync<HostException>(InstallAsync);
        Assert.Contains("/usr/local/bin/crisp is a file of somebody else's", error.Message, StringComparison.Ordinal);
        Assert.Equal([ProgramFiles.CommandLink], _host.Files);
        Assert.Equal("theirs", _host.Read(ProgramFiles.CommandLink));
    }

    [Fact]
    public async Task Uninstall_LeavesTheHostAsItWas()
    {
        _host.Root.WriteText("/usr/local/bin/other", "x");
        await InstallAsync();
        _host.Commands.Clear();
        Assert.False(await _host.Installation.UninstallAsync(CancellationToken.None));
        Assert.Equal(["/usr/local/bin/other"], _host.Files);
        Assert.Equal(["systemctl disable crisp.service", "systemctl stop crisp.service", "systemctl daemon-reload"], _host.Commands);
        Assert.False(await _host.Installation.UninstallAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Uninstall_KeepsAConfigurationThatWasChanged()
    {
        await InstallAsync();
        _host.Root.WriteText(Installation.ConfigFile, "mine");
        Assert.True(await _host.Installation.UninstallAsync(CancellationToken.None));
        Assert.Equal([Installation.ConfigFile], _host.Files);
    }

    [Fact]
    public async Task Version_ThatCannotBeRemoved_IsASentence()
    {
        Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
        await InstallAsync();
        var first = Versions.CurrentName!;
        _host.Build("2");
        await InstallAsync();
        var busy = _host.Root.Resolve(ProgramFiles.PathOf(first, ""));
        Mounts.Mount("tmpfs", busy, "tmpfs", MountFlags.None);
        try
        {
            _host.Build("3");
            var error = await Assert.ThrowsAsync<HostException>(InstallAsync);
            Assert.StartsWith($"Cannot remove earlier versions below {ProgramFiles.Directory}: ", error.Message, StringComparison.Ordinal);
            Assert.Equal("3", _host.Running);
        }
        finally
        {
            Mounts.Umount2(busy);
        }
    }

    [Fact]
    public void Programs_AreReadOnce()
    {
        var source = new ProgramSource(_host.Source, ProgramFiles.Programs, "0.1.0");
        var name = source.Name;
        _host.Build("2");
        Assert.Equal(name, source.Name);
        Assert.NotEqual(name, new ProgramSource(_host.Source, ProgramFiles.Programs, "0.1.0").Name);
    }

    public void Dispose() => _host.Dispose();

    private ProgramFiles Versions => new(_host.Root);

    private Task<bool> InstallAsync() => _host.Installation.InstallAsync(_host.Request, CancellationToken.None);
}
