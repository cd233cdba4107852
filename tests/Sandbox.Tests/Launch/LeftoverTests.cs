using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>What launches leave behind in this process and on the node: nothing. It counts what is the whole process's, so it runs alone.</summary>
[CollectionDefinition(nameof(LeftoverTests), DisableParallelization = true)]
[Collection(nameof(LeftoverTests))]
public sealed class LeftoverTests : IDisposable
{
    private readonly LaunchFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Launches_LeaveNoDescriptorMountOrChild(bool user)
    {
        var pod = _fixture.Pod((user ? Specs.UserPod : Specs.Pod) with { SharedPidNamespace = true });
        var shared = new NamespacesSpec { Pid = PidNamespace.Pod };
        using var container = _fixture.Start(Specs.Container("sleep 1000") with { Namespaces = shared }, pod);
        RunAll();
        var before = State();

        for (var i = 0; i < 5; i++)
        {
            RunAll();
        }

        AssertState(before);

        void RunAll()
        {
            Dispose(_fixture.Start(Specs.Container("true") with { Namespaces = shared }, pod));
            Dispose(_fixture.Exec(container, Specs.Process(["true"])));
            using (var terminal = _fixture.Exec(container, Specs.Process(["true"]) with { Terminal = true }))
            {
                Linux.Processes.WaitPidfd(terminal.Process.Pidfd);
                terminal.Process.Pidfd.Dispose();
            }

            Assert.Throws<SandboxException>(() => _fixture.Exec(container, Specs.Process(["missing"])));
            Assert.Throws<SandboxException>(() => _fixture.Exec(container, Specs.Process(["true"]) with { Cwd = "/missing", Terminal = true }));
            Assert.Throws<SandboxException>(() => _fixture.Start(Specs.Container(["missing"]) with { Namespaces = shared }, pod));
            Assert.Throws<SandboxException>(() => _fixture.Start(
                Specs.Container("true").Mount(Specs.Kernel("/x", "nofs")) with { Namespaces = shared }, pod));
        }

        static void Dispose(Running running)
        {
            running.ReadToEnd();
            running.Process.Pidfd.Dispose();
            running.Dispose();
        }
    }

    [Fact]
    public void Pods_LeaveNoDescriptorOrChild()
    {
        Make();
        var before = State();

        for (var i = 0; i < 5; i++)
        {
            Make();
        }

        AssertState(before);

        void Make()
        {
            using (var pod = _fixture.Launcher.CreateNamespaces(Specs.UserPod with { SharedPidNamespace = true }))
            {
                Linux.Processes.Kill(pod.ReaperPid, 9);
                Linux.Processes.WaitPid(pod.ReaperPid);
            }

            Assert.Throws<SandboxException>(() => _fixture.Launcher.CreateNamespaces(
                Specs.Pod with { Sysctls = new Dictionary<string, string> { ["kernel.none"] = "1" } }));
            Assert.Throws<SandboxException>(() => _fixture.Launcher.CreateNamespaces(
                Specs.UserPod with { UidMappings = [new IdMapSpec(0, 0, 0)] }));
        }
    }

    private static void AssertState(string expected)
    {
        // What other tests left to the finalizers goes meanwhile.
        SpinWait.SpinUntil(() => State() == expected, TimeSpan.FromSeconds(5));
        Assert.Equal(expected, State());
    }

    /// <summary>
    /// Descriptors of this process that launches open, its children, and the node's mounts. Files that .NET opens in its own
    /// time do not count.
    /// </summary>
    private static string State()
    {
        string[] kinds = ["anon_inode:[pidfd]", "pipe:", "pid:", "net:", "ipc:", "uts:", "user:", "mnt:", "cgroup:", "/dev/ptmx", "/dev/pts", "/dev/null", "/ptmx"];
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var descriptors = Files.Open("/proc/self/fd", OpenFlags.Directory);
        var open = Files.ReadDirectory(descriptors)
            .Select(number => new FileInfo($"/proc/self/fd/{number}").LinkTarget ?? "")
            .Select(target => target == "/" ? target : kinds.FirstOrDefault(k => target.StartsWith(k, StringComparison.Ordinal)))
            .OfType<string>().GroupBy(kind => kind).OrderBy(kind => kind.Key, StringComparer.Ordinal);
        var children = Directory.GetDirectories("/proc/self/task").Sum(t => File.ReadAllText($"{t}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Length);
        var mounts = File.ReadAllLines("/proc/self/mountinfo").Count(l => l.Contains("crisp-test"));
        return $"{string.Join(", ", open.Select(kind => $"{kind.Count()} {kind.Key}"))}; {children} children, {mounts} mounts";
    }
}
