using System.Diagnostics;
using System.Text.Json;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>Hooks within a launch: where they run, what they are told, and what becomes of a container whose hook fails.</summary>
public sealed class HookTests : IDisposable
{
    private readonly LaunchFixture _fixture = new();

    public HookTests() => Directory.CreateDirectory(Path.Combine(Bundle, "rootfs"));

    private string Bundle => Path.GetDirectoryName(_fixture.Outside("bundle/config.json"))!;

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(false, PidNamespace.Container)]
    [InlineData(false, PidNamespace.Pod)]
    [InlineData(true, PidNamespace.Container)]
    [InlineData(true, PidNamespace.Pod)]
    public void CreateContainerHook_ActsOnWhatTheContainerSees(bool user, PidNamespace pid)
    {
        // As the daemon's directories are: nobody but the node's root finds the way.
        File.SetUnixFileMode(Path.GetDirectoryName(Bundle)!, (UnixFileMode)0x1C0);
        var pod = _fixture.Pod((user ? Specs.UserPod : Specs.Pod) with { SharedPidNamespace = pid == PidNamespace.Pod });
        Directory.CreateDirectory(_fixture.Root("mnt"));
        Directory.CreateDirectory(_fixture.Root("opt"));
        File.WriteAllText(_fixture.Outside("volume/file"), "of the volume");
        var spec = Specs.Container("cat /mnt/made /opt/copy; grep -c ' /mnt ' /proc/self/mountinfo; touch /x 2>&1")
            .Mount(Specs.Bind(Path.GetDirectoryName(_fixture.Outside("volume/file"))!, "/opt"));
        spec = spec with { Root = spec.Root with { Readonly = true }, Namespaces = new NamespacesSpec { Pid = pid } };
        spec = With(spec, Script(
            HookPhase.CreateContainer,
            "cd rootfs && mount -t tmpfs none mnt && echo made > mnt/made && cp opt/file opt/copy && test -c dev/null"
            + (pid == PidNamespace.Container ? " && test -e proc/1/stat" : "")));

        Assert.Equal("made\nof the volume1\ntouch: /x: Read-only file system\n", _fixture.Run(spec, pod));
        Assert.DoesNotContain(Bundle, File.ReadAllText("/proc/self/mountinfo"));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(Bundle, "rootfs")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Hooks_RunInTheNamespacesOfTheirPhase(bool user)
    {
        const string Report = "for n in mnt net ipc uts cgroup pid user; do readlink /proc/$$/ns/$n; done; pwd";
        var spec = With(
            Specs.Container("for n in mnt net ipc uts cgroup pid user; do readlink /proc/self/ns/$n; done"),
            Script(HookPhase.CreateContainer, $"({Report}) > inside"),
            Script(HookPhase.CreateRuntime, $"({Report}) > outside"));
        var container = _fixture.Run(spec, _fixture.Pod(user ? Specs.UserPod : Specs.Pod)).TrimEnd().Split('\n');
        var (inside, outside) = (Lines("inside"), Lines("outside"));
        var node = ((string[])["mnt", "net", "ipc", "uts", "cgroup", "pid", "user"]).Select(n => new FileInfo($"/proc/self/ns/{n}").LinkTarget).ToArray();

        Assert.Equal([.. node, Bundle], outside);
        Assert.Equal([.. container[..5], node[5], node[6], Bundle], inside);
        Assert.NotEqual(node[0], inside[0]);
        Assert.NotEqual(node[4], inside[4]);
    }

    [Theory]
    [InlineData(PidNamespace.Container)]
    [InlineData(PidNamespace.Pod)]
    [InlineData(PidNamespace.Node)]
    public void Hooks_AreToldTheContainersState(PidNamespace pid)
    {
        var pod = _fixture.Pod(Specs.Pod with { SharedPidNamespace = pid == PidNamespace.Pod });
        var spec = With(
            Specs.Container("readlink /proc/self/ns/mnt") with { Namespaces = new NamespacesSpec { Pid = pid } },
            Script(HookPhase.CreateRuntime, "cat > state; readlink /proc/$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/' state)/ns/mnt > mnt"));
        var container = _fixture.Run(spec, pod).TrimEnd();
        using var state = JsonDocument.Parse(File.ReadAllText(Path.Combine(Bundle, "state")));
        var root = state.RootElement;

        Assert.Equal(container, Assert.Single(Lines("mnt")));
        Assert.Equal(
            (spec.Id, "creating", Bundle, "1.2.0"),
            (root.GetProperty("id").GetString(), root.GetProperty("status").GetString(), root.GetProperty("bundle").GetString(), root.GetProperty("ociVersion").GetString()));
    }

    [Fact]
    public void Hooks_RunPhaseByPhaseAndInTheirOrder()
    {
        var spec = With(
            Specs.Container("true"),
            Script(HookPhase.CreateContainer, "echo 4 >> order"),
            Script(HookPhase.CreateRuntime, "echo 2 >> order"),
            Script(HookPhase.Poststop, "echo never >> order"),
            Script(HookPhase.CreateContainer, "echo 5 >> order"),
            Script(HookPhase.CreateRuntime, "echo 3 >> order"),
            Script(HookPhase.Prestart, "echo 1 >> order"));
        _fixture.Run(spec);

        Assert.Equal(["1", "2", "3", "4", "5"], Lines("order"));
    }

    [Fact]
    public void Hook_GetsItsArgumentsAndItsEnvironmentAlone()
    {
        var hook = new HookSpec(HookPhase.CreateRuntime, "/bin/sh", ["named", "-c", "(tr '\\0' ' ' < /proc/$$/cmdline; echo; env | sort) > told", "a"], ["B=2", "A=1"], 10);
        _fixture.Run(With(Specs.Container("true"), hook));
        var lines = Lines("told");

        Assert.StartsWith("named -c ", lines[0], StringComparison.Ordinal);
        Assert.Equal(["A=1", "B=2"], lines[1..].Where(l => !l.StartsWith("PATH=/", StringComparison.Ordinal) && !l.StartsWith("PWD=", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(HookPhase.CreateRuntime, "createRuntime")]
    [InlineData(HookPhase.CreateContainer, "createContainer")]
    public void FailingHook_FailsTheStartWithWhatItSaid(HookPhase phase, string name)
    {
        var error = Failed(Script(phase, "echo out; printf 'no such GPU\\033[31m' >&2; exit 3"), Script(phase, "echo > never"));

        Assert.Equal(RpcCode.FailedPrecondition, error.Code);
        Assert.Equal($"The {name} hook /bin/sh failed with exit code 3: out\nno such GPU [31m", error.Message);
        Assert.False(File.Exists(Path.Combine(Bundle, "never")));
    }

    [Theory]
    [InlineData("kill -9 $$", "was ended by signal 9, without a word.")]
    [InlineData("exit 1", "failed with exit code 1, without a word.")]
    [InlineData("yes 0123456789 | head -c 100000; exit 1", "failed with exit code 1: … ")]
    public void FailingHook_SaysHow(string script, string expected)
    {
        var error = Failed(Script(HookPhase.CreateRuntime, script));

        Assert.StartsWith($"The createRuntime hook /bin/sh {expected}", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Message.Length, 1, 2200);
    }

    [Theory]
    [InlineData(HookPhase.CreateRuntime)]
    [InlineData(HookPhase.CreateContainer)]
    public void HookThatTakesTooLong_IsKilledWithWhatItStarted(HookPhase phase)
    {
        var clock = Stopwatch.StartNew();
        var error = Failed(Script(phase, "echo $$ > pid; yes & sleep 60 & echo $! > child; wait", timeout: 1));

        Assert.Contains("took longer than its timeout of 1 s and was killed: ", error.Message);
        Assert.InRange(clock.Elapsed.TotalSeconds, 1, 30);
        foreach (var file in (string[])["pid", "child"])
        {
            Assert.True(SpinWait.SpinUntil(() => !IsAlive(Lines(file)[0]), LaunchFixture.Deadline), $"The {file} lives on.");
        }
    }

    [Fact]
    public void HookThatLeavesAProcessBehind_IsNotWaitedFor()
    {
        var clock = Stopwatch.StartNew();
        _fixture.Run(With(Specs.Container("true"), Script(HookPhase.CreateContainer, "sleep 5 & exit 0", timeout: 20)));

        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 4);
    }

    [Theory]
    [InlineData("/does/not/exist", "cannot be executed: ENOENT, no such file or directory.")]
    [InlineData("/etc/passwd", "cannot be executed: EACCES, permission denied.")]
    public void HookThatIsNoProgram_IsNamed(string path, string expected)
        => Assert.Equal($"The createContainer hook {path} {expected}", Failed(new HookSpec(HookPhase.CreateContainer, path, [], [], 10)).Message);

    private static bool IsAlive(string pid)
        => File.Exists($"/proc/{pid}/stat") && File.ReadAllText($"/proc/{pid}/stat") is var stat && stat[stat.LastIndexOf(')') + 2] != 'Z';

    private static HookSpec Script(HookPhase phase, string script, int timeout = 20) => new(phase, "/bin/sh", ["sh", "-c", script], [], timeout);

    private SandboxException Failed(params HookSpec[] hooks) => Assert.Throws<SandboxException>(() => _fixture.Start(With(Specs.Container("true"), hooks)));

    private ContainerSpec With(ContainerSpec spec, params HookSpec[] hooks) => spec with { Hooks = hooks, Bundle = Bundle };

    private string[] Lines(string file) => File.ReadAllLines(Path.Combine(Bundle, file));
}
