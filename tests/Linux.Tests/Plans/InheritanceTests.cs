using Crisp.Linux.Interop;
using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Plans;

/// <summary>What a program started by a plan inherits: nothing that was not given to it.</summary>
public sealed class InheritanceTests
{
    [Fact]
    public void Descriptors_ThatWereNotGiven_AreClosedBeforeTheFirstStep()
    {
        // Not close-on-exec, as a library in the same process might open them.
        using var first = Inheritable(100);
        using var second = Inheritable(5000);

        var (output, _) = PlanRunner.Run(_ => { }, "ls /proc/self/fd");

        Assert.Equal("0\n1\n2\n3\n", output);
        Assert.Equal(Errno.EBADF, PlanRunner.Fails(b => b.Fchdir(PlanDescriptor.Number(first.Number))).Errno);
        Assert.Equal(Errno.EBADF, PlanRunner.Fails(b => b.Fchdir(PlanDescriptor.Number(second.Number))).Errno);
    }

    [Fact]
    public void Descriptors_ThatWereGiven_KeepTheirNumbers()
    {
        using var high = Inheritable(300);
        using var low = Inheritable(200);
        using var next = Inheritable(201);

        var (output, _) = PlanRunner.Run(
            b =>
            {
                // In no order, next to each other, and one of them twice.
                foreach (var file in new[] { high, low, next, high })
                {
                    b.ClearCloseOnExec(b.Descriptor($"{file.Number}", file));
                }
            },
            "cd /proc/self/fd; echo [0-9][0-9][0-9]*");

        Assert.Equal($"{low.Number} {next.Number} {high.Number}\n", output);
    }

    [Fact]
    public void CurrentDirectory_AsADescriptorFromOutside_IsNoReasonToCloseAll()
    {
        var (output, _) = PlanRunner.Run(
            b => b.Fchdir(b.OpenAt(b.Descriptor("cwd", FileDescriptor.CurrentDirectory), "/proc", OpenFlags.Path)), "pwd");

        Assert.Equal("/proc\n", output);
    }

    [Fact]
    public void Signals_AreAtTheirDefaultsAndUnblocked()
    {
        // .NET ignores SIGPIPE, and the launcher blocks everything around the clone.
        var (output, _) = PlanRunner.Run(_ => { }, "exec cat /proc/self/status");

        foreach (var set in new[] { "SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd" })
        {
            Assert.Contains($"\n{set}:\t0000000000000000\n", output);
        }
    }

    [Fact]
    public void ArgumentsAndEnvironment_ArriveByteForByte()
    {
        var odd = LinuxPath.Decode([0xFF, 0x20, 0x0A, 0xC3, 0x28]);
        var (output, _) = PlanRunner.Run(b =>
        {
            b.SignalsDefault();
            b.Execve("/bin/sh", ["sh", "-c", "printf '%s|' \"$0\" \"$1\" \"$V\" | od -An -tx1 -v | tr -d ' \\n'", odd, string.Empty], [$"V={odd}"]);
        });

        Assert.Equal("ff200ac3287c7cff200ac3287c", output);
    }

    [Fact]
    public void Write_OfBytesThatAreNotUtf8_WritesJustThese()
    {
        using var temporary = new TemporaryDirectory();
        using var file = Files.Open(temporary.File("f"), OpenFlags.Create | OpenFlags.ReadWrite, 0x180);

        PlanRunner.Run(b => b.Write(b.Descriptor("f", file), LinuxPath.Decode([0xFF, 0x41])), "exit");

        Assert.Equal([0xFF, 0x41], File.ReadAllBytes(temporary.File("f")));
    }

    private static FileDescriptor Inheritable(int minimum)
    {
        const int FDupfd = 0;
        using var file = Files.Open("/", OpenFlags.Directory);
        return new FileDescriptor(Libc.fcntl(file, FDupfd, minimum));
    }
}
