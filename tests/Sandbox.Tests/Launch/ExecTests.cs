using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>One more process in a running container, with and without a user namespace.</summary>
public sealed class ExecTests : IDisposable
{
    private readonly LaunchFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exec_IsInTheContainersNamespacesAndCgroups(bool user)
    {
        using var container = Start(user);
        var script = "for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup; hostname; ls /";
        using var exec = _fixture.Exec(container, Specs.Process(["sh", "-c", script]));
        var (pid, output) = (exec.Pid, exec.ReadToEnd());

        Assert.NotEqual(container.Pid, pid);
        Assert.Equal(_fixture.Run(Specs.Container("readlink /proc/self/ns/net"), container.Pod).Trim(), output.Split('\n')[3]);
        foreach (var (name, line) in new[] { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" }.Zip(output.Split('\n')))
        {
            Assert.Equal(File.ResolveLinkTarget($"/proc/{container.Pid}/ns/{name}", false)!.Name, line);
        }

        Assert.All(output.Split('\n').Where(l => l.Contains("::") || l.Contains(":/")), l => Assert.EndsWith(":/", l));
        Assert.EndsWith("web-0\nbin\ndev\netc\nproc\nsys\ntmp\n", output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exec_HasWhatItsOwnSpecificationSays(bool user)
    {
        using var container = Start(user);
        using var exec = _fixture.Exec(container, Specs.Process(["sh", "-c", "id; pwd; echo $HOME $X; umask; ulimit -n; cat /proc/self/oom_score_adj; cat /proc/self/status"]) with
        {
            User = new UserSpec { User = "app" },
            Cwd = "/tmp",
            Env = ["X=y"],
            Umask = 0x3F,
            Rlimits = [new RlimitSpec("RLIMIT_NOFILE", 20, 30)],
            NoNewPrivileges = true,
            SeccompProgram = Probe.Refuse(SystemCall.mkdirat),
        });
        var output = exec.ReadToEnd();

        Assert.StartsWith("uid=1000(app) gid=1001(app) groups=29(audio),1001(app)\n/tmp\n/home/app y\n0077\n20\n500\n", output);
        var status = Probe.Status(output);
        Assert.Equal(("1", "2"), (status["NoNewPrivs"], status["Seccomp"]));
        Assert.Equal(("0000000000000000", "00000000a80425fb"), (status["CapEff"], status["CapBnd"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exec_StatusOfItsProgram_IsClean(bool user)
    {
        using var container = Start(user);
        using var exec = _fixture.Exec(container, Specs.Process(["cat", "/proc/self/status"]));
        var status = Probe.Status(exec.ReadToEnd());

        Assert.All(new[] { "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapAmb" }, name => Assert.Equal("0000000000000000", status[name]));
        Assert.Equal("00000000a80425fb", status["CapEff"]);
        Assert.Equal(status["Pid"], status["NSsid"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exec_HoldsTheThreeStreamsAlone(bool user)
    {
        using var container = Start(user);
        using var exec = _fixture.Exec(container, Specs.Process(["sh", "-c", "echo /proc/self/fd/*; readlink /proc/self/fd/0"]));

        Assert.Equal("/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3\n/dev/null\n", exec.ReadToEnd());
    }

    [Fact]
    public void Exec_WithInput_ReadsIt()
    {
        using var container = Start(false);
        var (read, write) = Pipes.Create();
        using (write)
        using (read)
        {
            Files.WriteAll(write, "typed\n"u8);
            using var exec = _fixture.Exec(container, Specs.Process(["head", "-n1"]), read);
            Assert.Equal("typed\n", exec.ReadToEnd());
        }
    }

    [Theory]
    [InlineData("missing", RpcCode.NotFound, "exec \"missing\": executable file not found in $PATH")]
    [InlineData("/bin/missing", RpcCode.NotFound, "exec \"/bin/missing\": no such file or directory")]
    [InlineData("/etc", RpcCode.PermissionDenied, "exec \"/etc\": is a directory")]
    [InlineData("/etc/passwd", RpcCode.PermissionDenied, "exec \"/etc/passwd\": permission denied")]
    public void Exec_ProgramThatCannotRun_IsNamed(string program, RpcCode code, string message)
    {
        using var container = Start(true);

        var error = Assert.Throws<SandboxException>(() => _fixture.Exec(container, Specs.Process([program])));

        Assert.Equal((code, message), (error.Code, error.Message));
    }

    [Fact]
    public void Exec_DirectoryThatIsMissing_IsNamed()
    {
        using var container = Start(false);

        var error = Assert.Throws<SandboxException>(() => _fixture.Exec(container, Specs.Process(["true"]) with { Cwd = "/missing" }));

        Assert.Equal("exec \"true\" could not be started: Enter the working directory: openat2 /missing: ENOENT, no such file or directory", error.Message);
    }

    [Fact]
    public void Exec_DirectoryThroughAMagicLink_IsRefused()
    {
        using var container = Start(false);

        Assert.All(
            new[] { "/proc/self/fd/3", "/proc/self/fd/3/../..", "/proc/self/cwd", "/proc/self/root" },
            cwd => Assert.Contains("ELOOP", Assert.Throws<SandboxException>(() => _fixture.Exec(container, Specs.Process(["pwd"]) with { Cwd = cwd })).Message));
    }

    [Fact]
    public void Exec_InAContainerThatHasEnded_Fails()
    {
        using var container = _fixture.Start(Specs.Container("true"));
        Assert.True(Poll.WaitReadable(container.Process.Pidfd, LaunchFixture.Deadline));

        Assert.Contains("ESRCH", Assert.Throws<SandboxException>(() => _fixture.Exec(container, Specs.Process(["true"]))).Message);
    }

    [Fact]
    public void Exec_UnderTheLimitOfProcesses_CountsOne()
    {
        using var container = Start(false);
        Assert.SkipUnless(_fixture.Manager.Facts.Has("pids"), "needs the pids controller");
        container.Cgroup.Apply(new Cgroups.CgroupLimits { PidsLimit = 2 });
        using var exec = _fixture.Exec(container, Specs.Process(["echo", "fits"]));

        Assert.Equal("fits\n", exec.ReadToEnd());
    }

    [Fact]
    public void Exec_ManyAtOnce_AllRun()
    {
        using var container = Start(true);
        var outputs = new string[64];
        Parallel.For(0, outputs.Length, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i =>
        {
            using var exec = _fixture.Exec(container, Specs.Process(["echo", $"{i}"]));
            outputs[i] = exec.ReadToEnd();
        });

        Assert.Equal(Enumerable.Range(0, outputs.Length).Select(i => $"{i}\n"), outputs);
    }

    private Running Start(bool user)
    {
        var container = _fixture.Start(Specs.Container("echo started; sleep 1000"), _fixture.Pod(user ? Specs.UserPod : Specs.Pod));
        Assert.Equal("started", container.ReadLine());
        return container;
    }
}
