using System.Text;
using System.Text.Json;
using Crisp.Kvm;
using Crisp.Kvm.Boot;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Vm;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm;

/// <summary>crisp-sandbox as a virtual machine, in a process of its own.</summary>
public sealed class VmProgramTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly byte[] s_spin = [0xEB, 0xFE];
    private readonly TemporaryDirectory _directory = new();
    private readonly FileDescriptor _output = Memfd.Create("crisp-test-output");
    private readonly FileDescriptor _errors = Memfd.Create("crisp-test-errors");

    [Fact]
    public void Hello_IsOnStandardOutput_AndTheReportIsJson()
    {
        using var vm = Start(HelloGuest.Image, stats: true);

        Assert.Equal(0, Wait(vm));

        Assert.Equal(HelloGuest.Text, Read(_output));
        var report = JsonDocument.Parse(Read(_errors)).RootElement;
        Assert.Equal("halted", report.GetProperty("outcome").GetString());
        Assert.Equal(1, report.GetProperty("vcpus")[0].GetProperty("exits").GetProperty("hlt").GetInt64());
    }

    [Fact]
    public void TripleFault_IsAnError_AndASentence()
    {
        using var vm = Start([0x0F, 0x0B]);

        Assert.Equal(1, Wait(vm));

        Assert.Equal("crisp: Processor 0 met a triple fault at 0x100000.\n", Read(_errors));
    }

    [Fact]
    public void Signals_ReportPauseResumeAndEnd()
    {
        using var vm = Start(s_spin);

        Report(vm, "running, up ");
        Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.User2);
        Report(vm, "paused, up ");
        Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.User2);
        Report(vm, "paused 1 times");
        Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.Terminate);

        Assert.Equal(143, Wait(vm));
        Assert.Contains("processor 0: interrupted ", Read(_errors), StringComparison.Ordinal);
    }

    [Fact]
    public void ConsoleThatNobodyReads_EndsTheMachine()
    {
        // mov al, 'x'; mov dx, 0x3F8; 1: out dx, al; jmp 1b
        var (read, write) = Pipes.Create();
        read.Dispose();
        using (write)
        {
            using var vm = Start([0xB0, (byte)'x', 0x66, 0xBA, 0xF8, 0x03, 0xEE, 0xEB, 0xFD], output: write);
            Assert.Equal(141, Wait(vm));
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"image\":\"x\",\"vcpus\":1,\"memoryBytes\":2097152,\"entry\":\"Long\",\"surprise\":1}")]
    public void WrongSpecification_IsRefused(string json) => Assert.ThrowsAny<JsonException>(() => FlatVmSpec.Parse(json));

    [Fact]
    public void MissingImage_IsNamed()
    {
        using var vm = Launch(new FlatVmSpec("/nowhere/flat.bin", 1, FlatGuest.LeastMemory, EntryMode.Long).ToArguments(), _output);

        Assert.Equal(1, Wait(vm));
        Assert.Equal("crisp: The image /nowhere/flat.bin cannot be opened: ENOENT, no such file or directory.\n", Read(_errors));
    }

    [Fact]
    public void MissingKernelAndDisk_AreNamed()
    {
        using (var vm = Launch(new LinuxVmSpec("/nowhere/vmlinux", "", 1, FlatGuest.LeastMemory, [], []).ToArguments(), _output))
        {
            Assert.Equal(1, Wait(vm));
        }

        Assert.Equal("crisp: The kernel /nowhere/vmlinux cannot be opened: ENOENT, no such file or directory.\n", Read(_errors));
        var kernel = Path.Combine(_directory.Path, "kernel");
        File.WriteAllBytes(kernel, [1]);
        using (var vm = Launch(new LinuxVmSpec(kernel, "", 1, FlatGuest.LeastMemory, [new VmDisk(_directory.Path, true)], []).ToArguments(), _output))
        {
            Assert.Equal(1, Wait(vm));
        }

        Assert.EndsWith($"crisp: The disk {_directory.Path} is no regular file or block device.\n", Read(_errors), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    public void WrongSpecificationOfLinux_IsRefused(string json) => Assert.ThrowsAny<JsonException>(() => LinuxVmSpec.Parse(json));

    public void Dispose()
    {
        _output.Dispose();
        _errors.Dispose();
        _directory.Dispose();
    }

    private static string Read(FileDescriptor file)
    {
        var content = new byte[Files.Status(file).Size];
        Files.ReadAt(file, content, 0);
        return Encoding.UTF8.GetString(content);
    }

    private static int? Wait(PlanProcess vm)
    {
        if (!Poll.WaitReadable(vm.Pidfd, s_patience))
        {
            Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.Kill);
            Linux.Processes.WaitPidfd(vm.Pidfd);
            Assert.Fail("The virtual machine did not end.");
        }

        return Linux.Processes.WaitPidfd(vm.Pidfd).ExitCode;
    }

    private PlanProcess Start(ReadOnlySpan<byte> image, bool stats = false, FileDescriptor? output = null)
    {
        var path = Path.Combine(_directory.Path, "flat.bin");
        File.WriteAllBytes(path, image);
        return Launch(new FlatVmSpec(path, 1, FlatGuest.LeastMemory, EntryMode.Long, Stats: stats).ToArguments(), output ?? _output);
    }

    private PlanProcess Launch(IReadOnlyList<string> arguments, FileDescriptor output)
    {
        Assert.SkipUnless(File.Exists("/dev/kvm"), "needs /dev/kvm");
        using var nothing = Files.Open("/dev/null", OpenFlags.ReadWrite);
        var builder = new PlanBuilder();
        builder.SignalsDefault();
        builder.SignalsBlock([.. VmProgram.Signals]);
        builder.Dup2(builder.Descriptor("/dev/null", nothing), 0);
        builder.Dup2(builder.Descriptor("output", output), 1);
        builder.Dup2(builder.Descriptor("errors", _errors), 2);
        var environment = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>().Select(v => $"{v.Key}={v.Value}");
        builder.Execve(Path.Combine(AppContext.BaseDirectory, "crisp-sandbox"), arguments, [.. environment]);
        using var plan = builder.Build();
        var child = PlanLauncher.Launch(plan);
        child.RunToEnd(s_patience);
        return child;
    }

    /// <summary>Asks for reports until one has these words.</summary>
    private void Report(PlanProcess vm, string words)
    {
        var isThere = SpinWait.SpinUntil(
            () =>
            {
                Linux.Processes.PidfdSendSignal(vm.Pidfd, Signals.User1);
                Thread.Sleep(20);
                return Read(_errors).Contains(words, StringComparison.Ordinal);
            },
            s_patience);
        Assert.True(isThere, Read(_errors));
    }
}
