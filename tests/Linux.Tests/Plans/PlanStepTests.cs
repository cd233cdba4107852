using System.Globalization;
using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Plans;

/// <summary>Steps that containers need beyond mounts, each carried out by the interpreter.</summary>
public sealed class PlanStepTests
{
    [Fact]
    public void InterfaceUp_Loopback_IsUpInItsNetworkNamespaceAlone()
    {
        Root.Required();

        // Bit 0 of the flags is IFF_UP; sysfs of the mount namespace shows the node's network, /proc/net the process's own.
        var (before, _) = PlanRunner.Run(_ => { }, "cat /proc/net/fib_trie | grep -c 127.0.0.1", NamespaceFlags.Network);
        var (after, _) = PlanRunner.Run(b => b.InterfaceUp("lo"), "cat /proc/net/fib_trie | grep -c 127.0.0.1", NamespaceFlags.Network);

        Assert.Equal("0\n", before);
        Assert.NotEqual("0\n", after);
    }

    [Fact]
    public void Clone_SecondChild_IsAChildOfTheLauncherAndHasThePidNamespace()
    {
        Root.Required();
        var (output, _) = PlanRunner.Run(
            b =>
            {
                b.Unshare(NamespaceFlags.Uts);
                b.Clone(NamespaceFlags.Pid, PlanRunner.Deadline);
            },
            "echo $$ $PPID");

        Assert.Equal("1 0\n", output);
    }

    [Fact]
    public void Clone_IntoACgroup_IsBornThere()
    {
        Root.Required();
        var unified = Directory.Exists("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
        Assert.SkipUnless(File.Exists($"{unified}/cgroup.procs"), "no cgroup v2 tree is mounted");
        var path = $"{unified}/crisp-test-{Guid.NewGuid():N}";
        Directory.CreateDirectory(path);
        try
        {
            using var directory = Files.Open(path, OpenFlags.Directory);
            var (output, _) = PlanRunner.Run(
                b => b.Clone(NamespaceFlags.None, PlanRunner.Deadline, b.Descriptor("cgroup", directory)),
                "grep ^0:: /proc/self/cgroup");

            Assert.EndsWith($"/{Path.GetFileName(path)}\n", output);
        }
        finally
        {
            Directory.Delete(path);
        }
    }

    [Fact]
    public void Clone_CgroupThatAnEarlierStepOpened_IsRefused()
    {
        var builder = new PlanBuilder();
        var opened = builder.OpenAt(PlanDescriptor.CurrentDirectory, "/", OpenFlags.Directory);

        Assert.Throws<ArgumentException>(() => builder.Clone(NamespaceFlags.None, PlanRunner.Deadline, opened));
    }

    [Fact]
    public void TerminalSteps_NewSession_HasTheSlaveAsItsControllingTerminal()
    {
        Root.Required();
        FileDescriptor? taken = null;
        var (output, _) = PlanRunner.Run(
            b =>
            {
                b.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Private);
                var context = b.FsOpen("devpts");
                b.FsConfigFlag(context, "newinstance");
                b.FsConfigString(context, "ptmxmode", "0666");
                b.FsConfigCreate(context);
                var devpts = b.FsMount(context);
                b.MoveMount(devpts, string.Empty, PlanDescriptor.CurrentDirectory, "/dev/pts", MoveMountFlags.FromEmptyPath);
                var master = b.OpenAt2(devpts, "ptmx", OpenFlags.ReadWrite | OpenFlags.NoTerminal, ResolveFlags.Beneath);
                b.Dup3(master, 0);
                b.Stop("master", PlanRunner.Deadline);
                b.UnlockTerminal(master);
                var slave = b.OpenTerminalPeer(master);
                b.SetSid();
                b.SetControllingTerminal(slave);
                b.Dup2(slave, 0);
                b.Shell("tty; ps -o tty= -p $$");
            },
            NamespaceFlags.Mount,
            (_, process) => taken = Processes.PidfdGetfd(process.Pidfd, 0));

        using var master = taken;
        Assert.Equal("/dev/pts/0\npts/0\n", output);
    }

    [Fact]
    public void SetName_Process_IsCalledSo()
    {
        var (output, _) = PlanRunner.Run(
            b =>
            {
                b.SetName("reaper");
                b.Stop("named", PlanRunner.Deadline);
                b.Shell("exit 0");
            },
            NamespaceFlags.None,
            (_, process) => Assert.Equal("reaper", File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Pid}/comm")).Trim()));

        Assert.Empty(output);
    }

    [Fact]
    public void Execve_SameArguments_AreInThePlanOnce()
    {
        string[] arguments = ["true"];
        string[] environment = [new string('x', 4096)];
        var one = Size(1);

        // A directory more of PATH is a step and a path, not another copy of the environment.
        Assert.InRange(Size(2) - one, 1, 500);

        long Size(int directories)
        {
            var builder = new PlanBuilder();
            builder.SignalsDefault();
            for (var i = 0; i < directories; i++)
            {
                builder.Execve($"/{i}/true", arguments, environment);
            }

            using var plan = builder.Build();
            return plan.Size;
        }
    }

    [Theory]
    [InlineData("RLIMIT_CPU", 0)]
    [InlineData("RLIMIT_NOFILE", 7)]
    [InlineData("RLIMIT_RTTIME", 15)]
    [InlineData("RLIMIT_FILES", -1)]
    [InlineData("nofile", -1)]
    public void ResourceLimits_Names_AreTheKernels(string name, int number)
    {
        Assert.Equal(number, ResourceLimits.NumberOf(name));
    }
}
