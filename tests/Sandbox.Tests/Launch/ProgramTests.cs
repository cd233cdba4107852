using Crisp.Sandbox.Protocol;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>Which program is executed, and what is said when none can be.</summary>
public sealed class ProgramTests : IDisposable
{
    private readonly LaunchFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData("missing", RpcCode.NotFound, "exec \"missing\": executable file not found in $PATH")]
    [InlineData("/missing", RpcCode.NotFound, "exec \"/missing\": no such file or directory")]
    [InlineData("./missing", RpcCode.NotFound, "exec \"./missing\": no such file or directory")]
    [InlineData("/etc", RpcCode.PermissionDenied, "exec \"/etc\": is a directory")]
    [InlineData("etc/", RpcCode.PermissionDenied, "exec \"etc/\": is a directory")]
    [InlineData("/etc/passwd", RpcCode.PermissionDenied, "exec \"/etc/passwd\": permission denied")]
    [InlineData("notes", RpcCode.PermissionDenied, "exec \"notes\": permission denied")]
    [InlineData("folder", RpcCode.PermissionDenied, "exec \"folder\": is a directory")]
    [InlineData("/bin/noise", RpcCode.FailedPrecondition, "exec \"/bin/noise\": exec format error: it is for another architecture, or a script without #!")]
    [InlineData("script", RpcCode.NotFound, "exec \"script\": executable file not found in $PATH")]
    [InlineData("/bin/script", RpcCode.FailedPrecondition, "exec \"/bin/script\": the file is there, but the interpreter that its first line names, or its dynamic loader, is not")]
    [InlineData("/bin/loop", RpcCode.FailedPrecondition, "exec \"/bin/loop\": ELOOP, too many levels of symbolic links")]
    [InlineData("/etc/passwd/x", RpcCode.FailedPrecondition, "exec \"/etc/passwd/x\": ENOTDIR, not a directory")]
    public void Program_ThatCannotRun_IsNamedWithTheReason(string program, RpcCode code, string message)
    {
        Directory.CreateDirectory(_fixture.Root("bin/folder"));
        File.WriteAllText(_fixture.Root("bin/notes"), "not executable");
        Executable("bin/noise", "noise");
        Executable("bin/script", "#!/no/such/interpreter\n");
        File.CreateSymbolicLink(_fixture.Root("bin/loop"), "loop");

        var error = Assert.Throws<SandboxException>(() => _fixture.Start(Specs.Container([program])));

        Assert.Equal((code, message), (error.Code, error.Message));
    }

    [Fact]
    public void Program_IsTheFirstInPathThatCanBeExecuted()
    {
        Directory.CreateDirectory(_fixture.Root("first/tool"));
        Directory.CreateDirectory(_fixture.Root("second"));
        Directory.CreateDirectory(_fixture.Root("third"));
        File.WriteAllText(_fixture.Root("second/tool"), "not executable");
        Executable("third/tool", "#!/bin/sh\necho third $0\n");
        var spec = Specs.Container(["tool"]).With(p => p with { Env = ["PATH=/missing::relative:/etc/passwd:/first:/second:/third/:/bin"] });

        Assert.Equal("third /third/tool\n", _fixture.Run(spec));
    }

    [Fact]
    public void Path_Unset_IsTheUsualOneAndInTheEnvironment()
    {
        var spec = Specs.Container(["env"]).With(p => p with { Env = ["A=1"] });

        Assert.Equal("A=1\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/root\n", _fixture.Run(spec));
    }

    [Fact]
    public void Environment_IsGivenAsItIs()
    {
        var spec = Specs.Container(["env"]).With(p => p with { Env = ["HOME=", "PATH=/bin", "TERM=dumb", "ÄÖ=ü €", "EMPTY=", "X=a=b"], Terminal = false });

        Assert.Equal("HOME=\nPATH=/bin\nTERM=dumb\nÄÖ=ü €\nEMPTY=\nX=a=b\n", _fixture.Run(spec));
    }

    [Fact]
    public void Path_WithoutAnyUsableDirectory_FindsNothing()
    {
        var spec = Specs.Container(["sh"]).With(p => p with { Env = ["PATH=bin:."] });

        Assert.Equal(RpcCode.NotFound, Assert.Throws<SandboxException>(() => _fixture.Start(spec)).Code);
    }

    [Fact]
    public void Program_Empty_IsRefused()
    {
        Assert.Equal(RpcCode.InvalidArgument, Assert.Throws<SandboxException>(() => _fixture.Start(Specs.Container([""]))).Code);
        Assert.Equal(RpcCode.InvalidArgument, Assert.Throws<SandboxException>(() => _fixture.Start(Specs.Container([]))).Code);
    }

    [Fact]
    public void Arguments_TooLong_AreRefused()
    {
        var error = Assert.Throws<SandboxException>(() => _fixture.Start(Specs.Container(["echo", new string('x', 200_000)])));

        Assert.Equal((RpcCode.InvalidArgument, "exec \"echo\": arguments and environment are too long"), (error.Code, error.Message));
    }

    [Fact]
    public void ProgramOfTheRuntimeItself_IsNotWritable()
    {
        // CVE-2019-5736. Here the runtime's program needs a loader that the image lacks, or runs and ends at once; whatever
        // happens, nothing may have written to it.
        var program = Environment.ProcessPath!;
        var before = File.GetLastWriteTimeUtc(program);
        try
        {
            _fixture.Run(Specs.Container(["/proc/self/exe"]));
        }
        catch (SandboxException e)
        {
            Assert.Contains("exec \"/proc/self/exe\"", e.Message);
        }

        Assert.Equal(before, File.GetLastWriteTimeUtc(program));
    }

    [Fact]
    public void WorkingDirectory_IsMadeBeneathTheRoot()
    {
        Directory.CreateDirectory(_fixture.Root("real"));
        File.CreateSymbolicLink(_fixture.Root("link"), "/real");

        Assert.Equal("/real/new/deep\n", _fixture.Run(Specs.Container("pwd -P").With(p => p with { Cwd = "/link/new/deep" })));
        Assert.Equal("/\n", _fixture.Run(Specs.Container("pwd -P").With(p => p with { Cwd = "//./" })));
    }

    [Theory]
    [InlineData("/proc/self/fd/8")]
    [InlineData("/proc/self/cwd")]
    [InlineData("/proc/1/root/tmp")]
    [InlineData("/escape/tmp")]
    public void WorkingDirectory_ThroughAMagicLink_IsRefused(string cwd)
    {
        File.CreateSymbolicLink(_fixture.Root("escape"), "/proc/self/root");

        var error = Assert.Throws<SandboxException>(() => _fixture.Start(Specs.Container("pwd").With(p => p with { Cwd = cwd })));

        Assert.Matches("working directory: .*(ELOOP|ENOENT|ENOTDIR|EACCES)", error.Message);
    }

    private void Executable(string path, string content)
    {
        File.WriteAllText(_fixture.Root(path), content);
        File.SetUnixFileMode(_fixture.Root(path), (UnixFileMode)0x1ED);
    }
}
