using Xunit;

namespace Crisp.Install.Tests;

public sealed class CrispUnitTests
{
    /// <summary>Options of systemd.exec(5) that make a mount namespace, a seccomp filter or no_new_privs; pods would inherit each.</summary>
    private static readonly string[] s_forbidden =
    [
        "Private", "Protect", "Restrict", "NoNewPrivileges", "SystemCall", "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "ExecPaths",
        "NoExecPaths", "BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem", "MountFlags", "MountAPIVFS", "RootDirectory", "RootImage",
        "DynamicUser", "MemoryDenyWriteExecute", "LockPersonality", "CapabilityBoundingSet", "UMask", "IPAddress", "DeviceAllow", "DevicePolicy",
        "ProcSubset", "StateDirectory", "RuntimeDirectory", "NetworkNamespacePath", "IPCNamespacePath", "LoadCredential", "ExtensionImages",
    ];

    [Fact]
    public void Unit_ShutsPodsIntoNothing()
    {
        var options = CrispUnit.Text.Split('\n').Where(l => l.Contains('=') && !l.StartsWith('#')).Select(l => l[..l.IndexOf('=', StringComparison.Ordinal)]);
        Assert.DoesNotContain(options, o => s_forbidden.Any(f => o.StartsWith(f, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("Type=notify")]
    [InlineData("KillMode=process")]
    [InlineData("Delegate=yes")]
    [InlineData("TasksMax=infinity")]
    [InlineData("Restart=always")]
    [InlineData("ExecReload=/bin/kill -HUP $MAINPID")]
    [InlineData("WatchdogSec=60")]
    [InlineData("ExecStart=/usr/local/lib/crisp/current/crisp serve")]
    public void Unit_HasWhatPodsNeed(string line) => Assert.Contains(line, CrispUnit.Text.Split('\n'));
}
