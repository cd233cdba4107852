using System.Runtime.InteropServices;
using Crisp.Linux.Interop;
using Crisp.Linux.Plans;
using Crisp.Linux.Tests.Plans;
using Xunit;

namespace Crisp.Linux.Tests;

/// <summary>They wait for any child and lower the whole process's limits, so no other test may run beside them.</summary>
[CollectionDefinition(nameof(WholeProcess), DisableParallelization = true)]
public sealed class WholeProcess;

[Collection(nameof(WholeProcess))]
public sealed class ProcessesTests
{
    private const int SigTerm = 15;
    private const int Nofile = 7;

    [Fact]
    public void PidfdOpen_OfNobody_SaysWhich()
        => Assert.Equal("pidfd_open 4194304: ESRCH, no such process", Assert.Throws<LinuxException>(() => Processes.PidfdOpen(4194304)).Message);

    [Fact]
    public void PidfdSendSignal_ToTheDead_SaysSo()
    {
        using var process = Start("exit 3");
        Assert.Equal(new ProcessExit(process.Pid, 1, 3), Processes.WaitPidfd(process.Pidfd));

        Assert.False(Processes.PidfdSendSignal(process.Pidfd, SigTerm));
        Assert.False(Processes.Kill(process.Pid, SigTerm));
    }

    [Fact]
    public void PidfdSendSignal_OfANumberThatIsNone_SaysWhich()
    {
        using var self = Processes.PidfdOpen(Environment.ProcessId);

        Assert.Equal("pidfd_send_signal 65: EINVAL, invalid argument", Assert.Throws<LinuxException>(() => Processes.PidfdSendSignal(self, 65)).Message);
    }

    [Fact]
    public void Wait_KilledBySignal_HasItAndTheShellsCode()
    {
        using var process = Start("sleep 60");
        Assert.True(Processes.PidfdSendSignal(process.Pidfd, SigTerm));

        var exit = Processes.WaitPidfd(process.Pidfd);

        Assert.Equal((SigTerm, 128 + SigTerm), (exit.Signal, exit.ExitCode));
    }

    [Fact]
    public void Wait_ForAStranger_SaysSo()
    {
        using var init = Processes.PidfdOpen(1);

        Assert.Null(Processes.TryWaitPidfd(init));
        Assert.Null(Processes.WaitPid(1));
        Assert.Matches(@"^waitid fd \d+: ECHILD, ", Assert.Throws<LinuxException>(() => Processes.WaitPidfd(init)).Message);
    }

    [Fact]
    public void WaitAny_TakesWhoeverEnded()
    {
        Assert.Null(Processes.WaitAny(block: false));
        using var running = Start("sleep 60");
        using var ending = Start("exit 5");

        // The other is still there, so that not to block is no matter of luck.
        Assert.Equal(new ProcessExit(ending.Pid, 1, 5), Processes.WaitAny(block: true));
        Assert.Null(Processes.WaitAny(block: false));
        Processes.PidfdSendSignal(running.Pidfd, SigTerm);
        Assert.Equal(new ProcessExit(running.Pid, 2, SigTerm), Processes.WaitAny(block: true));
    }

    [Fact]
    public void Subreaper_GetsTheOrphans()
    {
        const int PrSetChildSubreaper = 36;
        Processes.BecomeSubreaper();
        try
        {
            using var process = Start("(sleep 0.2; exit 8) & exit 0");
            Assert.Equal(0, Processes.WaitPidfd(process.Pidfd).ExitCode);

            Assert.Equal(8, Processes.WaitAny(block: true)?.ExitCode);
        }
        finally
        {
            Assert.Equal(0, Libc.prctl(PrSetChildSubreaper, 0, 0, 0, 0));
        }
    }

    [Fact]
    public void Undumpable_IsNotToBeTraced()
    {
        const int PrGetDumpable = 3;
        const int PrSetDumpable = 4;
        Assert.Equal(1, Libc.prctl(PrGetDumpable, 0, 0, 0, 0));
        Processes.BecomeUndumpable();

        Assert.Equal(0, Libc.prctl(PrGetDumpable, 0, 0, 0, 0));
        Assert.Equal(0, Libc.prctl(PrSetDumpable, 1, 0, 0, 0));
    }

    [Fact]
    public void PidfdGetfd_CopiesADescriptor()
    {
        Root.Required();
        using var self = Processes.PidfdOpen(Environment.ProcessId);
        using var file = Memfd.Create("copied");

        using var copy = Processes.PidfdGetfd(self, file.Number);

        Assert.NotEqual(file.Number, copy.Number);
        Assert.Equal(Files.Status(file).Inode, Files.Status(copy).Inode);
        Assert.Equal("pidfd_getfd 999: EBADF, bad file descriptor", Assert.Throws<LinuxException>(() => Processes.PidfdGetfd(self, 999)).Message);
    }

    [Fact]
    public void GetRlimit_IsWhatProcSays()
    {
        var line = File.ReadAllLines("/proc/self/limits").Single(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal((ulong.Parse(words[3]), ulong.Parse(words[4])), Processes.GetRlimit(Nofile));
        Assert.StartsWith("prlimit 99: EINVAL", Assert.Throws<LinuxException>(() => Processes.GetRlimit(99)).Message);
    }

    [Fact]
    public void Umask_AnswersTheOneBefore()
    {
        var before = Processes.Umask(0x3F);

        Assert.Equal(0x3Fu, Processes.Umask(before));
    }

    [Fact]
    public void BoundingSet_IsWhatProcSays()
    {
        var line = File.ReadAllLines("/proc/thread-self/status").Single(l => l.StartsWith("CapBnd:", StringComparison.Ordinal));
        var bounding = new CapabilitySet(Convert.ToUInt64(line.Split('\t')[1], 16));

        Assert.All(CapabilitySet.All.Numbers, n => Assert.Equal(bounding.Contains(n), Processes.IsInBoundingSet(n)));
        Assert.Null(Processes.IsInBoundingSet(63));
    }

    [Fact]
    public void ReceiveDescriptors_TableFull_SaysThatSomeAreLost()
    {
        var (first, second) = Sockets.CreatePair();
        using var sender = first;
        using var receiver = second;
        Sockets.SendDescriptors(sender, "x"u8, [sender, sender, sender]);
        var received = new List<FileDescriptor>();
        var (soft, hard) = Processes.GetRlimit(Nofile);
        using var highest = sender.Duplicate();
        try
        {
            SetSoftLimit((ulong)highest.Number + 2, hard);

            var error = Assert.Throws<LinuxException>(() => Sockets.ReceiveDescriptors(receiver, new byte[8], received));

            Assert.Equal("recvmsg SCM_RIGHTS: EMSGSIZE, message too long", error.Message);
            Assert.InRange(received.Count, 0, 2);
        }
        finally
        {
            SetSoftLimit(soft, hard);
            received.ForEach(d => d.Dispose());
        }
    }

    private static void SetSoftLimit(ulong soft, ulong hard)
    {
        var limit = Marshal.AllocHGlobal(2 * sizeof(ulong));
        Marshal.Copy([(long)soft, (long)hard], 0, limit, 2);
        var result = Libc.syscall((nint)SystemCall.prlimit64, 0, Nofile, limit);
        Marshal.FreeHGlobal(limit);
        Assert.Equal(0, result);
    }

    private static PlanProcess Start(string script)
    {
        using var plan = new PlanBuilder().Shell(script).Build();
        var process = PlanLauncher.Launch(plan);
        process.RunToEnd(PlanRunner.Deadline);
        return process;
    }
}
