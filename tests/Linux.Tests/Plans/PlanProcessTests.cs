using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Plans;

/// <summary>Children that die, hang or fail on their way through a plan.</summary>
public sealed class PlanProcessTests
{
    private const int SigKill = 9;

    [Fact]
    public void Stops_AreReachedInOrder()
    {
        var stops = new List<string>();

        var (output, _) = PlanRunner.Run(
            b =>
            {
                b.Stop("one", PlanRunner.Deadline);
                b.Stop("two", PlanRunner.Deadline);
                b.Shell("echo end");
            },
            atStop: (name, process) =>
            {
                stops.Add(name);
                Assert.False(Poll.WaitReadable(process.Pidfd, TimeSpan.Zero));
            });

        Assert.Equal(["one", "two"], stops);
        Assert.Equal("end\n", output);
    }

    [Fact]
    public void RunToEnd_OfAPlanThatStops_IsRefusedAndTheChildEnds()
    {
        using var plan = Plan(b => b.Stop("here", PlanRunner.Deadline));
        var process = PlanLauncher.Launch(plan);

        var error = Assert.Throws<InvalidOperationException>(() => process.RunToEnd(PlanRunner.Deadline));

        Assert.Contains("\"here\"", error.Message);
        process.Dispose();
        Assert.False(Processes.Kill(process.Pid, 0));
    }

    [Fact]
    public void KilledAtAStop_IsReportedAndReaped()
    {
        using var plan = Plan(b => b.Stop("here", PlanRunner.Deadline));
        using var process = PlanLauncher.Launch(plan);
        Assert.Equal("here", process.Run(PlanRunner.Deadline));
        Processes.PidfdSendSignal(process.Pidfd, SigKill);

        var error = Assert.Throws<PlanDiedException>(() => process.Run(PlanRunner.Deadline));

        Assert.Equal(SigKill, error.Exit?.Signal);
        Assert.Equal("The process was killed by signal 9 before it could execute its program.", error.Message);
        Assert.False(Processes.Kill(process.Pid, 0));
    }

    [Fact]
    public void KilledInAStep_IsReported()
    {
        using var plan = Plan(b => b.Call(SystemCall.pause));
        using var process = PlanLauncher.Launch(plan);
        Processes.PidfdSendSignal(process.Pidfd, SigKill);

        Assert.Equal(SigKill, Assert.Throws<PlanDiedException>(() => process.Run(PlanRunner.Deadline)).Exit?.Signal);
    }

    [Fact]
    public void Deadline_OfAStepThatHangs_KillsTheChild()
    {
        using var plan = Plan(b => b.Call(SystemCall.pause));
        using var process = PlanLauncher.Launch(plan);

        var error = Assert.Throws<TimeoutException>(() => process.Run(TimeSpan.FromMilliseconds(100)));

        Assert.Contains($"{process.Pid} did not get on with its plan for 0.1 s", error.Message);
        Assert.False(Processes.Kill(process.Pid, 0));
    }

    [Fact]
    public void Deadline_IsForTheWholeWayToTheNextStop()
    {
        using var plan = Plan(b =>
        {
            // The message of CLONE between them must not give the second a deadline of its own.
            b.Stop("start", PlanRunner.Deadline);
            Sleep(b, 1000);
            b.Clone(NamespaceFlags.None, PlanRunner.Deadline);
            Sleep(b, 1000);
        });
        using var process = PlanLauncher.Launch(plan);
        process.Run(PlanRunner.Deadline);

        Assert.Throws<TimeoutException>(() => process.Run(TimeSpan.FromMilliseconds(1500)));
        Assert.False(Processes.Kill(process.Pid, 0));
    }

    [Fact]
    public void Clone_InAUserNamespace_IsPid1AndAChildOfTheLauncher()
    {
        Root.Required();
        var (output, exit) = PlanRunner.Run(
            b =>
            {
                b.Stop("maps", PlanRunner.Deadline);
                b.Clone(NamespaceFlags.Pid, PlanRunner.Deadline);
                b.Stop("cloned", PlanRunner.Deadline);
                b.Shell("echo $$; cat /proc/self/uid_map; exit 4");
            },
            NamespaceFlags.User,
            (stop, process) =>
            {
                if (stop == "maps")
                {
                    File.WriteAllText($"/proc/{process.Pid}/uid_map", "0 0 1");
                }
                else
                {
                    Assert.NotEqual(process.Pid, process.IntermediatePid);
                    Assert.False(Processes.Kill(process.IntermediatePid, 0));
                    Assert.Contains($"PPid:\t{Environment.ProcessId}\n", File.ReadAllText($"/proc/{process.Pid}/status"));
                }
            });

        Assert.StartsWith("1\n", output);
        Assert.Equal(4, exit.ExitCode);
    }

    [Fact]
    public void Clone_StepAfterItFails_NamesItAndReapsBoth()
    {
        Root.Required();
        using var plan = Plan(b =>
        {
            b.Clone(NamespaceFlags.Pid, PlanRunner.Deadline);
            b.Label("In the second child");
            b.Chdir("/missing");
        });
        using var process = PlanLauncher.Launch(plan);

        var error = Assert.Throws<PlanException>(() => process.Run(PlanRunner.Deadline));

        Assert.Equal("In the second child: chdir /missing: ENOENT, no such file or directory", error.Message);
        Assert.Equal(1, error.StepIndex);
        Assert.False(Processes.Kill(process.Pid, 0));
        Assert.False(Processes.Kill(process.IntermediatePid, 0));
    }

    [Fact]
    public void Dispose_WithinThePlan_EndsTheChild()
    {
        using var plan = Plan(b => b.Stop("here", PlanRunner.Deadline));
        var process = PlanLauncher.Launch(plan);
        process.Run(PlanRunner.Deadline);

        process.Dispose();

        Assert.False(Processes.Kill(process.Pid, 0));
    }

    [Fact]
    public void Dispose_AfterThePlan_LeavesTheProgramAlone()
    {
        using var plan = new PlanBuilder().Shell("sleep 60").Build();
        var process = PlanLauncher.Launch(plan);
        process.RunToEnd(PlanRunner.Deadline);
        using var pidfd = process.Pidfd.Duplicate();

        process.Dispose();

        Assert.True(Processes.PidfdSendSignal(pidfd, SigKill));
        Assert.Equal(SigKill, Processes.WaitPidfd(pidfd).Signal);
    }

    [Theory]
    [InlineData("exit 3", 30_000, 3)]
    [InlineData("sleep 60", 100, null)]
    public void WaitOrKill_TellsTheEnd_OrMakesIt(string script, int milliseconds, int? code)
    {
        using var plan = new PlanBuilder().Shell(script).Build();
        using var process = PlanLauncher.Launch(plan);
        process.RunToEnd(PlanRunner.Deadline);

        Assert.Equal(code, process.WaitOrKill(TimeSpan.FromMilliseconds(milliseconds))?.ExitCode);

        Assert.False(Processes.Kill(process.Pid, 0));
    }

    [Fact]
    public void Seccomp_ThatForbidsTheReport_StillRunsTheProgram()
    {
        const int AuditWrite = 1;
        using var plan = Plan(b =>
        {
            b.NoNewPrivileges();
            b.Seccomp(RefuseCall(AuditWrite));
        }, "sleep 0.5; exit 6");
        using var process = PlanLauncher.Launch(plan);

        Assert.Null(process.Run(PlanRunner.Deadline));

        Assert.Equal(6, Processes.WaitPidfd(process.Pidfd).ExitCode);
    }

    private static Plan Plan(Action<PlanBuilder> steps, string script = "exit 99")
    {
        var builder = new PlanBuilder();
        steps(builder);
        return builder.Shell(script).Build();
    }

    /// <summary>poll(NULL, 0, milliseconds): no step of the builder waits by itself.</summary>
    private static void Sleep(PlanBuilder builder, int milliseconds) => builder.Call((SystemCall)7, 0, 0, milliseconds);

    /// <summary>A filter that answers EPERM to one call: load nr; equal? errno : allow.</summary>
    private static byte[] RefuseCall(int number)
    {
        (ushort Code, byte True, byte False, uint K)[] filter =
            [(0x20, 0, 0, 0), (0x15, 0, 1, (uint)number), (0x06, 0, 0, 0x0005_0001), (0x06, 0, 0, 0x7FFF_0000)];
        return [.. filter.SelectMany(i => (byte[])[.. BitConverter.GetBytes(i.Code), i.True, i.False, .. BitConverter.GetBytes(i.K)])];
    }
}
