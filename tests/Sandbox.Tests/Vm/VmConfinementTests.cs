using System.Globalization;
using Crisp.Kvm;
using Crisp.Kvm.Boot;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Vm;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm;

/// <summary>What the process of a machine has left when guest code runs, as the node sees it.</summary>
public sealed class VmConfinementTests : IDisposable
{
    private const int Vcpus = 2;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void EveryThread_HasAFilter_AndNoCapability()
    {
        using var vm = Start();

        var threads = Directory.GetDirectories($"/proc/{vm.Pid}/task").Select(t => (Name: File.ReadAllText($"{t}/comm").Trim(), Status: File.ReadAllLines($"{t}/status"))).ToList();
        Assert.All(threads, t =>
        {
            Assert.Contains("CapEff:\t0000000000000000", t.Status);
            Assert.Contains("CapPrm:\t0000000000000000", t.Status);
            Assert.Contains("NoNewPrivs:\t1", t.Status);
            Assert.Contains("Seccomp:\t2", t.Status);
        });
        Assert.Equal(Vcpus, threads.Count(t => t.Name.StartsWith("vcpu ", StringComparison.Ordinal) && t.Status.Contains("Seccomp_filters:\t2")));
        Kill(vm);
    }

    [Fact]
    public void Root_IsEmpty_AndTheNodesMountsAreNotSeen()
    {
        using var vm = Start();

        Assert.Empty(Directory.EnumerateFileSystemEntries($"/proc/{vm.Pid}/root/"));
        Assert.Empty(Directory.EnumerateFileSystemEntries($"/proc/{vm.Pid}/cwd/"));
        Assert.Empty(File.ReadAllText($"/proc/{vm.Pid}/mountinfo"));
        Kill(vm);
    }

    [Fact]
    public void Descriptors_AreThoseOfTheMachine()
    {
        using var vm = Start();

        var files = Directory.GetFiles($"/proc/{vm.Pid}/fd").Select(f => File.ResolveLinkTarget(f, returnFinalTarget: false)!.FullName).Select(Path.GetFileName).ToList();
        string[] known = ["null", "urandom", "anon_inode:[signalfd]", "anon_inode:[eventfd]", "anon_inode:[eventpoll]", "anon_inode:kvm-vm", "memfd:crisp-guest-memory (deleted)"];
        Assert.All(files, f => Assert.True(known.Contains(f) || f!.StartsWith("anon_inode:kvm-vcpu:", StringComparison.Ordinal), f));
        Assert.DoesNotContain("kvm", files);
        Kill(vm);
    }

    [Fact]
    public void Machine_PausesResumesAndEnds()
    {
        using var vm = Start();

        Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.User2);
        Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.User1);
        Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.User2);
        Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.Terminate);

        Assert.True(Poll.WaitReadable(vm.Pidfd, s_patience));
        Assert.Equal(143, Linux.Processes.WaitPidfd(vm.Pidfd).ExitCode);
    }

    public void Dispose() => _directory.Dispose();

    private static void Kill(PlanProcess vm)
    {
        Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.Kill);
        Linux.Processes.WaitPidfd(vm.Pidfd);
    }

    /// <summary>A machine whose processors spin, when they do.</summary>
    private PlanProcess Start()
    {
        var program = Path.Combine(Environment.GetEnvironmentVariable("CRISP_BIN_DIR") ?? "", "crisp-sandbox");
        Assert.SkipUnless(File.Exists("/dev/kvm"), "needs /dev/kvm");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Assert.SkipUnless(File.Exists(program) && !File.Exists(program + ".dll"), "needs the published crisp-sandbox (CRISP_BIN_DIR)");
        var image = _directory.Path + "/spin";
        File.WriteAllBytes(image, [0xEB, 0xFE]);
        using var nothing = Files.Open("/dev/null", OpenFlags.ReadWrite);
        var builder = new PlanBuilder();
        builder.SignalsDefault();
        builder.SignalsBlock([.. VmProgram.Signals]);
        for (var number = 0; number < 3; number++)
        {
            builder.Dup2(builder.Descriptor("/dev/null", nothing), number);
        }

        builder.CloseRange(3);
        builder.Execve(program, new FlatVmSpec(image, Vcpus, FlatGuest.LeastMemory, EntryMode.Long).ToArguments(), []);
        using var plan = builder.Build();
        var vm = PlanLauncher.Launch(plan);
        vm.RunToEnd(s_patience);
        // Its processors' filters are the last thing that is done before guest code runs.
        Assert.True(SpinWait.SpinUntil(() => ProcessorTime(vm.Pid) > 10, s_patience));
        return vm;
    }

    /// <summary>Ticks of the thread that is the second processor; 0 before there is one.</summary>
    private static long ProcessorTime(int pid)
    {
        Thread.Sleep(10);
        foreach (var stat in Directory.GetDirectories($"/proc/{pid}/task").Select(t => File.ReadAllText($"{t}/stat")).Where(s => s.Contains("(vcpu 1)", StringComparison.Ordinal)))
        {
            return long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[11], CultureInfo.InvariantCulture)
                + long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[12], CultureInfo.InvariantCulture);
        }

        return 0;
    }
}
