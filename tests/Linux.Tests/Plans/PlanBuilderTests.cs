using System.Text.RegularExpressions;
using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Plans;

/// <summary>What a builder refuses, so that a mistake shows in the launcher and not in a child.</summary>
public sealed class PlanBuilderTests
{
    private readonly PlanBuilder _builder = new();

    [Fact]
    public void Build_WithoutAnEnd_IsRefused()
    {
        Assert.Contains("must end", Assert.Throws<InvalidOperationException>(_builder.Build).Message);
        _builder.SignalsDefault();
        _builder.Chdir("/");
        Assert.Contains("must end", Assert.Throws<InvalidOperationException>(_builder.Build).Message);
    }

    [Fact]
    public void Build_EndThatMayFail_IsRefused()
    {
        _builder.SignalsDefault();
        _builder.Execve("/bin/sh", ["sh"], []).Accept(Errno.ENOENT);

        Assert.Contains("accept no error", Assert.Throws<InvalidOperationException>(_builder.Build).Message);
    }

    [Fact]
    public void Build_ProgramWithBlockedSignals_IsRefused()
    {
        _builder.Execve("/bin/sh", ["sh"], []);

        Assert.Contains("must reset signals", Assert.Throws<InvalidOperationException>(_builder.Build).Message);
    }

    [Fact]
    public void Build_Again_LeavesTheFirstPlanAsItWas()
    {
        _builder.Shell("exit 3");
        using var first = _builder.Build();
        _builder.Shell("exit 4");
        using var second = _builder.Build();

        Assert.Equal((2, 4), (first.Count, second.Count));
        using var process = PlanLauncher.Launch(first);
        process.RunToEnd(PlanRunner.Deadline);
        Assert.Equal(3, Processes.WaitPidfd(process.Pidfd).ExitCode);
    }

    [Fact]
    public void Accept_MoreThanFiveErrors_IsRefused()
    {
        var step = _builder.Chdir("/").Accept(Errno.EPERM, Errno.ENOENT, Errno.EACCES, Errno.ELOOP, Errno.ENOTDIR);

        Assert.Throws<ArgumentOutOfRangeException>(() => step.Accept(Errno.EIO));
    }

    [Fact]
    public void Accept_TheFifthError_IsAccepted()
    {
        var (output, _) = PlanRunner.Run(
            b => b.Chdir("/missing").Accept(Errno.EPERM, Errno.EACCES, Errno.ELOOP, Errno.ENOTDIR, Errno.ENOENT), "echo went on");

        Assert.Equal("went on\n", output);
    }

    [Fact]
    public void Call_WithMoreThanSixArguments_IsRefused()
    {
        _builder.Call(SystemCall.prctl, 1, 2, 3, 4, 5, 6);

        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Call(SystemCall.prctl, 1, 2, 3, 4, 5, 6, 7));
    }

    [Fact]
    public void Reference_ToAStepThatIsNotYetThere_IsRefused()
    {
        var other = new PlanBuilder();
        other.Umask(0);
        var step = other.OpenAt(PlanDescriptor.CurrentDirectory, "/", OpenFlags.Path);

        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Fchdir(step));
        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Fchdir(other.Descriptor("file", null)));
    }

    [Theory]
    [InlineData(@"/etc/pass\0wd")]
    [InlineData(@"\uD800")]
    public void Text_ThatIsNoPath_IsRefused(string escaped)
    {
        // Attributes cannot hold lone surrogates.
        var text = Regex.Unescape(escaped);
        Assert.Throws<ArgumentException>(() => _builder.Chdir(text));
        Assert.Throws<ArgumentException>(() => _builder.Execve("/bin/sh", ["sh", text], []));
        Assert.Throws<ArgumentException>(() => _builder.Execve("/bin/sh", ["sh"], [text]));
    }

    [Fact]
    public void Deadline_BelowZero_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Stop("here", Timeout.InfiniteTimeSpan));
        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Clone(NamespaceFlags.None, TimeSpan.FromSeconds(-1)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(4097 * 8)]
    public void Seccomp_ProgramOfAWrongSize_IsRefused(int bytes)
        => Assert.Contains($"{bytes} bytes", Assert.Throws<ArgumentException>(() => _builder.Seccomp(new byte[bytes])).Message);
}
