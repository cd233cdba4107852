using Crisp.Linux.Plans;
using Crisp.Linux.Tests.Plans;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class NamespacesTests
{
    [Fact]
    public void Unshare_HostName_IsThisThreadsAlone()
    {
        Root.Required();
        var before = HostName();

        OwnThread.Run(() =>
        {
            using var machine = Namespaces.OpenOwn("uts");
            Namespaces.Unshare(NamespaceFlags.Uts);
            Namespaces.SetHostname("crisp-test-ü");
            Assert.Equal("crisp-test-ü", HostName());
            using var own = Namespaces.OpenOwn("uts");
            Assert.NotEqual(Files.Status(machine).Inode, Files.Status(own).Inode);
            Assert.Equal(FilesystemStatus.NsfsMagic, Files.Statfs(own).Type);

            Namespaces.SetNs(machine, NamespaceFlags.None);

            Assert.Equal(before, HostName());
        });

        Assert.Equal(before, HostName());
    }

    [Fact]
    public void SetNs_WithAPidfd_JoinsSeveralAtOnce()
    {
        Root.Required();
        using var plan = StoppedPlan();
        using var process = PlanLauncher.Launch(plan, NamespaceFlags.Uts | NamespaceFlags.Ipc);
        process.Run(PlanRunner.Deadline);

        OwnThread.Run(() =>
        {
            Namespaces.SetNs(process.Pidfd, NamespaceFlags.Uts | NamespaceFlags.Ipc);
            foreach (var name in new[] { "uts", "ipc" })
            {
                Assert.Equal(File.ResolveLinkTarget($"/proc/{process.Pid}/ns/{name}", false)!.Name, File.ResolveLinkTarget($"/proc/thread-self/ns/{name}", false)!.Name);
            }
        });
    }

    [Fact]
    public void SetNs_OfAnotherKind_SaysWhich()
    {
        Root.Required();
        using var uts = Namespaces.OpenOwn("uts");

        var error = Assert.Throws<LinuxException>(() => Namespaces.SetNs(uts, NamespaceFlags.Network));

        Assert.Equal("setns Network: EINVAL, invalid argument", error.Message);
    }

    [Fact]
    public void Unshare_OfWhatIsNoNamespace_SaysWhich()
        => Assert.StartsWith("unshare 1: EINVAL", Assert.Throws<LinuxException>(() => Namespaces.Unshare((NamespaceFlags)1)).Message);

    [Fact]
    public void SetHostname_ThatIsTooLong_NamesIt()
    {
        Root.Required();
        var name = new string('h', 65);

        Assert.Equal(
            $"sethostname {name}: EINVAL, invalid argument",
            Assert.Throws<LinuxException>(() => OwnThread.Run(() =>
            {
                Namespaces.Unshare(NamespaceFlags.Uts);
                Namespaces.SetHostname(name);
            })).Message);
    }

    [Fact]
    public void OpenOwn_OfAnUnknownKind_NamesIt()
        => Assert.Equal("openat /proc/thread-self/ns/nothing: ENOENT, no such file or directory", Assert.Throws<LinuxException>(() => Namespaces.OpenOwn("nothing")).Message);

    private static Plan StoppedPlan()
    {
        var builder = new PlanBuilder();
        builder.Stop("here", PlanRunner.Deadline);
        return builder.Shell("exit").Build();
    }

    private static string HostName() => File.ReadAllText("/proc/sys/kernel/hostname").TrimEnd('\n');
}
