using Crisp.Kvm.Confinement;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Kvm.Tests.Confinement;

/// <summary>Filters as the kernel applies them: a child installs one and makes a call. Pointers are null: EFAULT means that the call was let through.</summary>
public sealed class MonitorFilterTests
{
    private const int AtFdcwd = -100;
    private const uint TunSetOffload = 0x400454D0;
    private const uint TunSetIff = 0x400454CA;
    private const uint KvmRun = 0xAE80;
    private const uint KvmCreateVm = 0xAE01;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static TheoryData<string, SystemCall, long[], string> Calls => new()
    {
        // The whole process, without and with a file server.
        { "process", SystemCall.openat, [AtFdcwd, 0, 0], "EPERM" },
        { "process", SystemCall.mkdirat, [AtFdcwd, 0, 0], "EPERM" },
        { "server", SystemCall.openat, [AtFdcwd, 0, 0], "EFAULT" },
        { "server", SystemCall.mkdirat, [AtFdcwd, 0, 0], "EFAULT" },
        { "server", SystemCall.execve, [0, 0, 0], "signal 31" },
        { "server", SystemCall.mount, [0, 0, 0, 0, 0], "signal 31" },
        { "server", SystemCall.chroot, [0], "signal 31" },
        { "server", SystemCall.unshare, [0x2_0000], "EPERM" },
        { "server", SystemCall.unshare, [0x200], "done" },
        { "process", SystemCall.unshare, [0x200], "EPERM" },
        { "server", SystemCall.setns, [0, 0], "signal 31" },
        { "server", SystemCall.bpf, [0, 0, 0], "signal 31" },
        { "server", SystemCall.clone3, [0, 0], "ENOSYS" },
        { "server", SystemCall.kill, [1, 0], "EPERM" },
        { "server", SystemCall.pidfd_open, [1, 0], "EPERM" },
        { "server", SystemCall.memfd_create, [0, 0], "EPERM" },
        { "server", SystemCall.socket, [1, 1, 0], "done" },
        { "server", SystemCall.socket, [2, 1, 0], "EPERM" },
        { "server", SystemCall.socket, [16, 3, 0], "EPERM" },
        { "server", SystemCall.ioctl, [-1, KvmRun, 0], "EBADF" },
        { "server", SystemCall.ioctl, [-1, KvmCreateVm, 0], "EPERM" },
        { "server", SystemCall.ioctl, [-1, TunSetIff, 0], "EPERM" },
        { "server", SystemCall.prctl, [38, 1, 0, 0, 0], "done" },
        { "server", SystemCall.prctl, [4, 1, 0, 0, 0], "EPERM" },
        { "server", SystemCall.prlimit64, [0, 7, 0, 0], "done" },
        { "server", SystemCall.prlimit64, [0, 7, 1, 0], "EPERM" },
        { "server", SystemCall.seccomp, [1, 0, 0], "EFAULT" },

        // A processor and the devices.
        { "processor", SystemCall.ioctl, [-1, KvmRun, 0], "EBADF" },
        { "processor", SystemCall.ioctl, [-1, KvmCreateVm, 0], "EPERM" },
        { "processor", SystemCall.socket, [1, 1, 0], "EPERM" },
        { "processor", SystemCall.openat, [AtFdcwd, 0, 0], "EPERM" },
        { "processor", SystemCall.capset, [0, 0], "EPERM" },
        { "processor", SystemCall.seccomp, [1, 0, 0], "EPERM" },
        { "1", SystemCall.ioctl, [-1, TunSetOffload, 0], "EBADF" },
        { "1", SystemCall.ioctl, [-1, KvmRun, 0], "EPERM" },
        { "1", SystemCall.fsync, [-1], "EPERM" },
        { "2", SystemCall.fsync, [-1], "EBADF" },
        { "2", SystemCall.socket, [1, 1, 0], "EPERM" },
        { "4", SystemCall.fsync, [-1], "EPERM" },
        { "5", SystemCall.socket, [1, 1, 0], "EPERM" },
        { "19", SystemCall.socket, [1, 1, 0], "done" },
        { "19", SystemCall.socket, [2, 1, 0], "EPERM" },
        { "19", SystemCall.openat, [AtFdcwd, 0, 0], "EPERM" },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public void Call_IsDoneOrRefused(string filter, SystemCall call, long[] arguments, string outcome)
    {
        var builder = new PlanBuilder();
        builder.SignalsDefault();
        builder.NoNewPrivileges();
        builder.Seccomp(filter switch
        {
            "process" => MonitorFilter.Process(hasFiles: false),
            "server" => MonitorFilter.Process(hasFiles: true),
            "processor" => MonitorFilter.Processor(),
            _ => MonitorFilter.Device(uint.Parse(filter))!,
        });
        builder.Call(call, arguments);
        builder.Exit(0);

        Assert.Equal(outcome, Outcome(builder));
    }

    [Fact]
    public void FileServer_HasTheFilterOfTheProcessAlone() => Assert.Null(MonitorFilter.Device(26));

    private static string Outcome(PlanBuilder builder)
    {
        using var plan = builder.Build();
        using var child = PlanLauncher.Launch(plan);
        try
        {
            child.RunToEnd(s_patience);
            return "done";
        }
        catch (PlanException e)
        {
            return e.Errno.ToString();
        }
        catch (PlanDiedException e)
        {
            return $"signal {e.Exit?.Signal}";
        }
        finally
        {
            Processes.TryWaitPidfd(child.Pidfd);
        }
    }
}
