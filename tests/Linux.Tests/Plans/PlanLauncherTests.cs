using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Plans;

public sealed class PlanLauncherTests
{
    private const int SigCont = 18;
    private const int SigStop = 19;

    [Fact]
    public void Launch_ManyAtOnceFromManyThreads_NoneDisturbsAnother()
    {
        const int Threads = 8;
        const int Each = 12;
        using var plan = new PlanBuilder().Shell("exit 7").Build();
        var exits = new int[Threads * Each];
        var threads = Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            for (var i = 0; i < Each; i++)
            {
                // One plan for all, and one for each launch with a pipe of its own.
                using var process = PlanLauncher.Launch(plan);
                process.RunToEnd(PlanRunner.Deadline);
                var (output, _) = PlanRunner.Run(b => b.Umask((uint)t), $"umask; echo {t}.{i}");
                exits[(t * Each) + i] = output == $"{Convert.ToString(t, 8).PadLeft(4, '0')}\n{t}.{i}\n"
                    ? Processes.WaitPidfd(process.Pidfd).ExitCode
                    : -1;
            }
        })).ToList();

        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());

        Assert.All(exits, e => Assert.Equal(7, e));
    }

    [Fact]
    public void Launch_PlanOfThousandsOfSteps_DoesThemAllAndNamesTheOneThatFails()
    {
        const int Count = 20_000;
        using var temporary = new TemporaryDirectory();
        using var file = Files.Open(temporary.File("f"), OpenFlags.Create | OpenFlags.ReadWrite | OpenFlags.Append, 0x180);
        PlanRunner.Run(
            b =>
            {
                var target = b.Descriptor("f", file);
                for (var i = 0; i < Count; i++)
                {
                    b.Write(target, "x");
                }
            },
            "exit");

        Assert.Equal(Count, Files.Status(file).Size);
        var error = PlanRunner.Fails(b =>
        {
            for (var i = 0; i < Count; i++)
            {
                b.Umask(0);
            }

            b.Chdir("/missing");
        });
        Assert.Equal(Count + 1, error.StepIndex);
    }

    [Fact]
    public void Launch_LongTexts_ArriveWhole()
    {
        var text = new string('a', 100_000);
        var (output, _) = PlanRunner.Run(b =>
        {
            b.SignalsDefault();
            b.Execve("/bin/sh", ["sh", "-c", "echo ${#1}", "sh", text], []);
        });

        Assert.Equal("100000\n", output);
    }

    [Fact]
    public void Launch_NotACgroup_SaysWhatFailed()
    {
        using var plan = new PlanBuilder().Shell("exit").Build();
        using var directory = Files.Open("/", OpenFlags.Directory);

        var error = Assert.Throws<LinuxException>(() => PlanLauncher.Launch(plan, NamespaceFlags.None, directory));

        Assert.Equal("clone3 /: EBADF, bad file descriptor", error.Message);
    }

    [Fact]
    public void Launch_NamespacesThatExcludeEachOther_SaysWhatFailed()
    {
        using var plan = new PlanBuilder().Shell("exit").Build();

        // CLONE_FS with CLONE_NEWNS.
        var error = Assert.Throws<LinuxException>(() => PlanLauncher.Launch(plan, NamespaceFlags.Mount | (NamespaceFlags)0x200));

        Assert.StartsWith("clone3: EINVAL", error.Message);
    }

    [Fact]
    public void Launch_FailedOrDone_LeavesNoDescriptorOpen()
    {
        using var temporary = new TemporaryDirectory();
        using var plan = new PlanBuilder().Shell("exit").Build();
        using var directory = Files.Open(temporary.Path, OpenFlags.Directory);
        var pipes = OpenPipes();

        for (var i = 0; i < 50; i++)
        {
            Assert.Throws<LinuxException>(() => PlanLauncher.Launch(plan, NamespaceFlags.None, directory));
        }

        // Other tests hold some pipes at the same time, but not a hundred.
        Assert.InRange(OpenPipes() - pipes, -100, 90);
    }

    [Fact]
    public void Launch_DescriptorOnlyForPrinting_IsRefused()
    {
        var builder = new PlanBuilder();
        builder.Fchdir(builder.Descriptor("rootfs", null));
        using var plan = builder.Shell("exit").Build();

        var error = Assert.Throws<InvalidOperationException>(() => PlanLauncher.Launch(plan));

        Assert.Contains("rootfs", error.Message);
    }

    [Fact]
    public void Launch_AfterItsDescriptorWasClosed_IsRefused()
    {
        var builder = new PlanBuilder();
        var file = Files.Open("/", OpenFlags.Path);
        builder.Fchdir(builder.Descriptor("root", file));
        using var plan = builder.Shell("exit").Build();
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => PlanLauncher.Launch(plan));
    }

    [Fact]
    public void Launch_AfterDispose_IsRefused()
    {
        var plan = new PlanBuilder().Shell("exit").Build();
        plan.Dispose();

        Assert.Throws<ObjectDisposedException>(() => PlanLauncher.Launch(plan));
    }

    [Fact]
    public void Pause_KeepsAlmostNothingAndReapsOrphans()
    {
        Root.Required();
        using var plan = PausePlan();
        using var process = PlanLauncher.Launch(plan, NamespaceFlags.Pid);
        Assert.Null(process.Run(PlanRunner.Deadline));
        try
        {
            Assert.True(Until(() => Directory.GetFileSystemEntries($"/proc/{process.Pid}/fd").Length == 0), "descriptors stay open");

            // A schedule away and back makes the kernel write into the area of rseq(2), which glibc had registered.
            foreach (var signal in new[] { SigStop, SigCont })
            {
                Processes.PidfdSendSignal(process.Pidfd, signal);
                Assert.True(Until(() => StateOf(process.Pid) == (signal == SigStop ? 'T' : 'S')), $"is {StateOf(process.Pid)} after signal {signal}");
            }

            // Its own code and stack, and what the kernel maps by itself.
            Assert.True(Until(() => File.ReadAllLines($"/proc/{process.Pid}/maps").Length <= 5), File.ReadAllText($"/proc/{process.Pid}/maps"));
            Assert.Equal("orphan ended\n", RunInPidNamespaceOf(process, "(sleep 0.1; echo orphan ended) &"));
            Assert.True(Until(() => File.ReadAllText($"/proc/{process.Pid}/task/{process.Pid}/children").Length == 0), "a zombie stays");
        }
        finally
        {
            Processes.PidfdSendSignal(process.Pidfd, 9);
            Processes.WaitPidfd(process.Pidfd);
        }
    }

    private static char StateOf(int pid) => File.ReadAllText($"/proc/{pid}/stat").Split(") ")[1][0];

    private static Plan PausePlan()
    {
        var builder = new PlanBuilder();
        builder.Pause();
        return builder.Build();
    }

    private static string RunInPidNamespaceOf(PlanProcess target, string script) => OwnThread.Run(() =>
    {
        Namespaces.SetNs(target.Pidfd, NamespaceFlags.Pid);
        return PlanRunner.Run(_ => { }, script).Output;
    });

    private static int OpenPipes() => Directory.GetFiles("/proc/self/fd").Count(
        f => new FileInfo(f).LinkTarget?.StartsWith("pipe:", StringComparison.Ordinal) == true);

    private static bool Until(Func<bool> condition) => SpinWait.SpinUntil(
        () =>
        {
            Thread.Sleep(5);
            return condition();
        },
        PlanRunner.Deadline);
}
