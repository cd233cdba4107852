using System.Diagnostics;
using System.Text;
using Crisp.Linux;
using Xunit;

namespace Crisp.Network.Tests;

public sealed class CniPluginTests : IDisposable
{
    private readonly FakePlugins _plugins = new();

    public void Dispose() => _plugins.Dispose();

    [Fact]
    public void Plugin_GetsItsConfigurationAndItsEnvironment()
    {
        _plugins.Add("fake", "echo done; echo words >&2");

        var output = Run("fake", "{\"name\":\"n\"}");

        Assert.True(output.Succeeded);
        Assert.Equal("done\n", Encoding.UTF8.GetString(output.Stdout));
        Assert.Equal("words", output.Stderr);
        Assert.Equal("{\"name\":\"n\"}", _plugins.Given("fake", "ADD"));
        var environment = _plugins.Environment("fake", "ADD");
        Assert.Contains("CNI_COMMAND=ADD", environment);
        Assert.Contains("CNI_CONTAINERID=pod1", environment);
        Assert.Contains("CNI_NETNS=/proc/self/ns/net", environment);
        Assert.Contains("CNI_IFNAME=eth0", environment);
        Assert.Contains($"CNI_PATH={_plugins.Bin}", environment);
        Assert.Contains(
            "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=pod1;K8S_POD_UID=0b5f", environment);
        Assert.Contains(environment, v => v.StartsWith("PATH=/", StringComparison.Ordinal));
    }

    [Fact]
    public void WhatIsMeantForTheDaemon_DoesNotReachThePlugin()
    {
        _plugins.Add("fake", "");
        Environment.SetEnvironmentVariable("CNI_IFNAME", "forged");
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", "/run/x");
        try
        {
            CniPlugin.Find("fake", [_plugins.Bin]).Run("STATUS", "{}"u8, null, null, TimeSpan.FromSeconds(20));
        }
        finally
        {
            Environment.SetEnvironmentVariable("CNI_IFNAME", null);
            Environment.SetEnvironmentVariable("NOTIFY_SOCKET", null);
        }

        var environment = _plugins.Environment("fake", "STATUS");
        Assert.DoesNotContain(environment, v => v.StartsWith("CNI_IFNAME=", StringComparison.Ordinal));
        Assert.DoesNotContain(environment, v => v.StartsWith("NOTIFY_SOCKET=", StringComparison.Ordinal));
        Assert.DoesNotContain(environment, v => v.StartsWith("DOTNET_", StringComparison.Ordinal));
    }

    [Fact]
    public void Plugin_InheritsItsStreamsAndTheLockAlone()
    {
        // The shell itself opens nothing but its script, close-on-exec; readlink opens nothing.
        _plugins.Add("fake", "exec /bin/sh -c 'for f in /proc/$$/fd/*; do readlink $f; done'");
        using var file = System.IO.File.Create(Path.Combine(_plugins.Seen, "lock"));
        using var held = Files.Open(file.Name, OpenFlags.ReadOnly);

        var output = CniPlugin.Find("fake", [_plugins.Bin]).Run("ADD", "{}"u8, FakePlugins.Attachment(), held, TimeSpan.FromSeconds(20));

        var links = Encoding.UTF8.GetString(output.Stdout).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, links.Length);
        Assert.Single(links, l => l.StartsWith("/memfd:cni-config", StringComparison.Ordinal));
        Assert.Equal(2, links.Count(l => l.StartsWith("pipe:", StringComparison.Ordinal)));
        Assert.Single(links, l => l == file.Name);
    }

    [Fact]
    public void Plugin_ThatFails_TellsItsCodeAndItsErrors()
    {
        _plugins.Add("fake", "echo no luck >&2; exit 3");

        var output = Run("fake");

        Assert.False(output.Succeeded);
        Assert.Equal(3, output.Exit.ExitCode);
        Assert.Equal("no luck", output.Stderr);
    }

    [Fact]
    public void Plugin_ThatHangs_IsKilledWithEverythingItStarted()
    {
        // It ignores what it can ignore; one child stays in the group, another leaves it.
        _plugins.Add("fake", """
            trap '' TERM INT HUP
            sleep 321 & echo $! >> "$seen/pids"
            setsid sleep 322 & echo $! >> "$seen/pids"
            echo waiting for the answer >&2
            echo $$ >> "$seen/pids"
            while :; do sleep 1; done
            """);
        using var held = HeldFile();

        var clock = Stopwatch.StartNew();
        var error = Assert.Throws<CniException>(
            () => CniPlugin.Find("fake", [_plugins.Bin]).Run("ADD", "{}"u8, FakePlugins.Attachment(), held, TimeSpan.FromSeconds(1)));

        Assert.InRange(clock.Elapsed.TotalSeconds, 0.9, 10);
        Assert.Contains("did not end within 1 s", error.Message, StringComparison.Ordinal);
        Assert.Contains("waiting for the answer", error.Message, StringComparison.Ordinal);
        var pids = System.IO.File.ReadAllLines(Path.Combine(_plugins.Seen, "pids"));
        Assert.Equal(3, pids.Length);
        Assert.All(pids, pid => Assert.False(IsAlive(pid), $"{pid} is alive"));
    }

    [Fact]
    public void Plugin_WhoseChildKeepsTheOutputOpen_IsNotWaitedFor()
    {
        _plugins.Add("fake", """
            sleep 323 & echo $! > "$seen/pid"
            echo '{}'
            """);

        var clock = Stopwatch.StartNew();
        var output = Run("fake");

        Assert.True(output.Succeeded);
        Assert.Equal("{}\n", Encoding.UTF8.GetString(output.Stdout));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.True(SpinWait.SpinUntil(() => !IsAlive(System.IO.File.ReadAllText(Path.Combine(_plugins.Seen, "pid")).Trim()), 5000));
    }

    [Fact]
    public void Plugin_ThatPrints100Megabytes_IsStopped()
    {
        _plugins.Add("fake", "head -c 100000000 /dev/zero");

        var error = Assert.Throws<CniException>(() => Run("fake"));

        Assert.Contains("printed more than 1 MiB", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Plugin_ThatPrintsJustWhatIsAllowed_IsReadWhole()
    {
        _plugins.Add("fake", "head -c 1048576 /dev/zero");

        Assert.Equal(1048576, Run("fake").Stdout.Length);
    }

    [Fact]
    public void Errors_AreKeptByTheirEnd()
    {
        _plugins.Add("fake", "head -c 20000000 /dev/zero >&2; echo >&2; echo the last words >&2; exit 1");

        var output = Run("fake");

        Assert.EndsWith("the last words", output.Stderr, StringComparison.Ordinal);
        Assert.InRange(output.Stderr.Length, 14, 4097);
    }

    [Fact]
    public void Plugin_ThatReadsNothing_DoesNotBlock()
    {
        System.IO.File.WriteAllText(Path.Combine(_plugins.Bin, "deaf"), "#!/bin/sh\necho '{}'\n");
        System.IO.File.SetUnixFileMode(Path.Combine(_plugins.Bin, "deaf"), (UnixFileMode)0x1ED);

        Assert.True(Run("deaf", new string('x', 4 << 20)).Succeeded);
    }

    [Fact]
    public void Plugin_ThatIsKilled_IsAFailure()
    {
        _plugins.Add("fake", "kill -SEGV $$");

        var output = Run("fake");

        Assert.False(output.Succeeded);
        Assert.Equal(11, output.Exit.Signal);
    }

    [Fact]
    public void FileThatIsNoProgram_IsNamed()
    {
        System.IO.File.WriteAllBytes(Path.Combine(_plugins.Bin, "noise"), [0, 1, 2, 3]);
        System.IO.File.SetUnixFileMode(Path.Combine(_plugins.Bin, "noise"), (UnixFileMode)0x1ED);

        var error = Assert.Throws<CniException>(() => Run("noise"));

        Assert.True(error.NeverRan);
        Assert.Contains("is no program for this machine", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MissingPlugin_IsNamedWithTheDirectories()
    {
        System.IO.File.WriteAllText(Path.Combine(_plugins.Bin, "bridge"), "not executable");
        Directory.CreateDirectory(Path.Combine(_plugins.Bin, "ptp"));

        foreach (var type in (string[])["absent", "bridge", "ptp"])
        {
            var error = Assert.Throws<CniException>(() => CniPlugin.Find(type, [_plugins.Bin, "/nowhere"]));
            Assert.Contains($"The CNI plugin {type} is not installed", error.Message, StringComparison.Ordinal);
            Assert.Contains($"{_plugins.Bin} or /nowhere", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("../fake")]
    [InlineData("/bin/sh")]
    [InlineData("..")]
    [InlineData("")]
    public void Name_CannotLeaveTheDirectories(string type)
    {
        _plugins.Add("fake", "");

        Assert.Throws<CniException>(() => CniPlugin.Find(type, [_plugins.Conf, _plugins.Bin]));
    }

    [Fact]
    public void FirstDirectory_Wins()
    {
        _plugins.Add("fake", "");

        Assert.Equal(Path.Combine(_plugins.Bin, "fake"), CniPlugin.Find("fake", [_plugins.Conf, _plugins.Bin, "/usr/bin"]).Path);
    }

    private static bool IsAlive(string pid)
        => Directory.Exists($"/proc/{pid}") && System.IO.File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Trim()[0] != 'Z';

    private FileDescriptor HeldFile()
    {
        var path = Path.Combine(_plugins.Seen, "lock");
        System.IO.File.WriteAllText(path, "");
        return Files.Open(path, OpenFlags.ReadOnly);
    }

    private PluginOutput Run(string type, string configuration = "{}")
        => CniPlugin.Find(type, [_plugins.Bin])
            .Run("ADD", Encoding.UTF8.GetBytes(configuration), FakePlugins.Attachment(), null, TimeSpan.FromSeconds(20));
}
