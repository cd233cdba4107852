using System.Globalization;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>Every way in which a pod and its containers have or share namespaces, with and without a user namespace.</summary>
public sealed class NamespaceTests : IDisposable
{
    private static readonly string[] s_names = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
    private readonly LaunchFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(false, "cgroup ipc mnt net pid uts")]
    [InlineData(true, "cgroup ipc mnt net pid user uts")]
    public void OwnNamespaces_AreNotTheNodes(bool user, string own)
    {
        Assert.Equal(own, Own(Pod(user, p => p)));
    }

    [Theory]
    [InlineData(false, "cgroup ipc mnt pid uts")]
    [InlineData(true, "cgroup ipc mnt pid user uts")]
    public void NodesNetwork_IsShared(bool user, string own)
    {
        Assert.Equal(own, Own(Pod(user, p => p with { NetworkNamespace = false })));
    }

    [Theory]
    [InlineData(false, "cgroup mnt net pid uts")]
    [InlineData(true, "cgroup mnt net pid user uts")]
    public void NodesIpc_IsShared(bool user, string own)
    {
        Assert.Equal(own, Own(Pod(user, p => p with { IpcNamespace = false })));
    }

    [Theory]
    [InlineData(false, "cgroup mnt pid")]
    [InlineData(true, "cgroup mnt pid user")]
    public void NodesNetworkIpcAndUts_AreShared(bool user, string own)
    {
        var pod = Pod(user, p => p with { NetworkNamespace = false, IpcNamespace = false, UtsNamespace = false, Hostname = null });

        Assert.Equal(own, Own(pod));
    }

    [Theory]
    [InlineData(false, "cgroup ipc mnt net uts")]
    [InlineData(true, "cgroup ipc mnt net user uts")]
    public void NodesPid_IsShared(bool user, string own)
    {
        var spec = Specs.Container("") with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Node } };

        Assert.Equal(own, Own(Pod(user, p => p), spec));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NodesPid_ShowsTheNodesProcesses(bool user)
    {
        var spec = Specs.Container($"readlink /proc/self/ns/pid; cut -d' ' -f1 /proc/{Environment.ProcessId}/stat; echo $$") with
        {
            Namespaces = new NamespacesSpec { Pid = PidNamespace.Node },
        };
        using var container = _fixture.Start(spec, _fixture.Pod(Pod(user, p => p)));
        var output = container.ReadToEnd();

        Assert.Equal($"{Nodes("pid")}\n{Environment.ProcessId}\n{container.Pid}\n", output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SharedPid_HasTheReaperAsPidOneAndTheOthersBesideIt(bool user)
    {
        var pod = _fixture.Pod(Pod(user, p => p with { SharedPidNamespace = true }));
        var shared = new NamespacesSpec { Pid = PidNamespace.Pod };
        using var first = _fixture.Start(Specs.Container("echo started; sleep 1000") with { Namespaces = shared }, pod);
        Assert.Equal("started", first.ReadLine());
        var output = _fixture.Run(
            Specs.Container("cat /proc/1/comm; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo; cat /proc/1/status; ls /proc/1/root/ /proc/1/fd 2>&1") with
            {
                Namespaces = shared,
            },
            pod);

        Assert.StartsWith("crisp-reaper\n", output);
        Assert.Contains("\nsleep 1000 sh -c", output);
        var reaper = Probe.Status(output);
        Assert.Equal("65534 65534 65534 65534", reaper["Uid"]);
        Assert.Equal("", reaper["Groups"]);
        Assert.All(new[] { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" }, name => Assert.Equal("0000000000000000", reaper[name]));
        Assert.Equal("1", reaper["NoNewPrivs"]);
        Assert.Contains("Permission denied", output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SharedPid_ReaperHasNothingOfTheNode(bool user)
    {
        var pod = _fixture.Pod(Pod(user, p => p with { SharedPidNamespace = true }));
        var proc = $"/proc/{pod.ReaperPid}";

        Assert.Empty(Directory.GetFileSystemEntries($"{proc}/fd"));
        Assert.Empty(Directory.GetFileSystemEntries($"{proc}/root/"));
        Assert.Equal("/ tmpfs ro,nosuid,nodev,noexec,relatime", string.Join(';', Probe.Mounts(File.ReadAllText($"{proc}/mountinfo")).Select(m => $"{m.Key} {m.Value}")));
        Assert.Equal(user ? s_names : s_names.Except(["user"]), s_names.Where(n => File.ResolveLinkTarget($"{proc}/ns/{n}", false)!.Name != Nodes(n)));
        Assert.Empty(File.ReadAllText($"{proc}/cmdline"));
        Assert.InRange(long.Parse(Probe.Status(File.ReadAllText($"{proc}/status"))["VmRSS"].Split(' ')[0], CultureInfo.InvariantCulture), 0, 100);
    }

    [Fact]
    public void SharedPid_ReaperReapsOrphans()
    {
        var pod = _fixture.Pod(Specs.Pod with { SharedPidNamespace = true });
        var output = _fixture.Run(
            Specs.Container("(sleep 0.2 & echo $!) & sleep 1; grep -l sleep /proc/[0-9]*/comm; grep -h ^State /proc/[0-9]*/status | grep -c Z") with
            {
                Namespaces = new NamespacesSpec { Pid = PidNamespace.Pod },
            },
            pod);

        Assert.Matches(@"\A\d+\n0\n\z", output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TargetPid_IsThatOfTheOtherContainer(bool user)
    {
        var pod = _fixture.Pod(Pod(user, p => p));
        using var target = _fixture.Start(Specs.Container("echo started; sleep 1000"), pod);
        Assert.Equal("started", target.ReadLine());
        var spec = Specs.Container("cat /proc/1/cmdline | tr '\\0' ' '; readlink /proc/self/ns/pid") with
        {
            Namespaces = new NamespacesSpec { Pid = PidNamespace.Target, TargetContainerId = "other" },
        };

        Assert.Equal(
            $"sleep 1000 {File.ResolveLinkTarget($"/proc/{target.Pid}/ns/pid", false)!.Name}\n",
            _fixture.Run(spec, pod, target.Process.Pidfd));
    }

    [Fact]
    public void PidNamespaceThatThePodDoesNotHave_IsRefused()
    {
        var spec = Specs.Container("true") with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Pod } };

        Assert.Equal(RpcCode.InvalidArgument, Assert.Throws<SandboxException>(() => _fixture.Run(spec)).Code);
        spec = spec with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Target } };
        Assert.Equal(RpcCode.InvalidArgument, Assert.Throws<SandboxException>(() => _fixture.Run(spec)).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ContainersOfAPod_ShareItsNamespaces(bool user)
    {
        var pod = _fixture.Pod(Pod(user, p => p));
        var script = "for n in ipc net uts user; do readlink /proc/self/ns/$n; done; hostname";

        Assert.Equal(_fixture.Run(Specs.Container(script), pod), _fixture.Run(Specs.Container(script), pod));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Loopback_IsUpWithoutAPlugin(bool user)
    {
        var output = _fixture.Run(Specs.Container("ip -o addr show dev lo; ping -c 1 -W 5 127.0.0.1 | grep -c ' 0% packet loss'; ls /sys/class/net"), _fixture.Pod(Pod(user, p => p)));

        Assert.Contains("inet 127.0.0.1/8", output);
        Assert.EndsWith("1\nlo\n", output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Sysctls_AreSetInThePodAlone(bool user)
    {
        var nodes = File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start");
        var pod = _fixture.Pod(Pod(user, p => p with
        {
            Sysctls = new Dictionary<string, string> { ["net.ipv4.ip_unprivileged_port_start"] = "77", ["kernel.msgmax"] = "4321", ["fs.mqueue.msg_max"] = "33" },
        }));

        Assert.Equal(
            "77\n4321\n33\n",
            _fixture.Run(Specs.Container("cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start kernel/msgmax fs/mqueue/msg_max"), pod));
        Assert.Equal(nodes, File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
    }

    [Fact]
    public void Sysctl_ThatDoesNotExist_IsRefusedByName()
    {
        var spec = Specs.Pod with { Sysctls = new Dictionary<string, string> { ["net.ipv4.no_such_thing"] = "1" } };

        Assert.Contains("Set the sysctl net.ipv4.no_such_thing: openat2 sys/net/ipv4/no_such_thing: ENOENT", Assert.Throws<SandboxException>(() => _fixture.Pod(spec)).Message);
    }

    [Fact]
    public void Namespaces_AreHeldAsFilesThatOthersCanOpen()
    {
        var pod = _fixture.Pod(Specs.UserPod);

        Assert.All(new[] { pod.User, pod.Network, pod.Ipc, pod.Uts }, file =>
        {
            using var opened = Files.Open($"/proc/{Environment.ProcessId}/fd/{file!.Number}", OpenFlags.ReadOnly);
            Assert.Equal(FilesystemStatus.NsfsMagic, Files.Statfs(opened).Type);
        });
        Assert.Null(pod.Pid);
        Assert.Equal(0, pod.ReaperPid);
    }

    [Fact]
    public void PodOfTheNodesNamespaces_HoldsNone()
    {
        var pod = _fixture.Pod(Specs.Pod with { NetworkNamespace = false, IpcNamespace = false, UtsNamespace = false });

        Assert.All(new[] { pod.User, pod.Network, pod.Ipc, pod.Uts, pod.Pid }, Assert.Null);
    }

    private static SandboxSpec Pod(bool user, Func<SandboxSpec, SandboxSpec> change) => change(user ? Specs.UserPod : Specs.Pod);

    private static string Nodes(string name) => File.ResolveLinkTarget($"/proc/self/ns/{name}", false)!.Name;

    /// <summary>The namespaces in which a container differs from the node.</summary>
    private string Own(SandboxSpec pod, ContainerSpec? spec = null)
    {
        var script = $"for n in {string.Join(' ', s_names)}; do readlink /proc/self/ns/$n; done";
        var output = _fixture.Run((spec ?? Specs.Container("")).With(p => p with { Args = ["sh", "-c", script] }), _fixture.Pod(pod));
        var container = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(s_names.Length, container.Length);
        return string.Join(' ', s_names.Where((name, i) => container[i] != Nodes(name)));
    }
}
