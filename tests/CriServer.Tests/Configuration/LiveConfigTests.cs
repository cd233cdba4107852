using Crisp.CriServer.Configuration;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Crisp.CriServer.Tests.Configuration;

public sealed class LiveConfigTests
{
    private static readonly string[] s_live =
    [
        "log.level", "images.pinned", "registry.host_dirs", "registry.parallel_downloads", "registry.progress_timeout", "cdi.spec_dirs",
        "streaming.idle_timeout",
    ];

    [Fact]
    public void EveryOption_IsTakenOverOrNamed()
    {
        var live = new LiveConfig(new CrispConfig());
        var change = live.Take(ConfigTextTests.Other);
        Assert.Equal(s_live, change.Taken);
        Assert.Equal(ConfigOptions.All.Select(o => o.Name).Except(s_live), change.NeedRestart.Where(n => !n.StartsWith("runtimes.", StringComparison.Ordinal)));
        foreach (var option in ConfigOptions.All)
        {
            Assert.Equal(option.Show(s_live.Contains(option.Name) ? ConfigTextTests.Other : new CrispConfig()), option.Show(live.Current));
        }
    }

    [Fact]
    public void SameConfiguration_ChangesNothing()
    {
        var live = new LiveConfig(ConfigTextTests.Other);
        var change = live.Take(ConfigFile.Parse(ConfigText.Write(ConfigTextTests.Other), "config.toml"));
        Assert.Empty(change.Taken);
        Assert.Empty(change.NeedRestart);
    }

    [Fact]
    public void OptionsThatFollowAnother_AreNotNamed()
        => Assert.Equal(["run"], new LiveConfig(new CrispConfig()).Take(new CrispConfig { Run = "/run/other" }).NeedRestart);

    [Fact]
    public void HandlerThatComes_NeedsARestart()
    {
        var live = new LiveConfig(new CrispConfig());
        var change = live.Take(new CrispConfig { LogLevel = LogLevel.Debug, Runtimes = [new RuntimeConfig("kvm"), new RuntimeConfig("other")] });
        Assert.Contains("runtimes.other.kind", change.NeedRestart);
        Assert.DoesNotContain("runtimes.kvm.kind", change.NeedRestart);
        Assert.Equal(["kvm"], live.Current.Runtimes.Select(r => r.Name));
        Assert.Equal(LogLevel.Debug, live.Current.LogLevel);
    }
}
