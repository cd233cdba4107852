using System.Runtime.CompilerServices;
using System.Text.Json;
using Crisp.Cgroups;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>
/// The exact system calls of typical containers, pinned by the files in Plans. CRISP_WRITE_PLANS=1 writes them anew; the
/// difference then shows what a change does to containers.
/// </summary>
public sealed class PlanTextTests
{
    private static readonly LaunchFacts s_v2 = new(CgroupVersion.V2, [], LastCapability: 40, HasKcore: true);

    private static readonly LaunchFacts s_v1 = new(
        CgroupVersion.V1,
        [
            new CgroupV1Hierarchy("systemd", [], "systemd"),
            new CgroupV1Hierarchy("cpu,cpuacct", ["cpu", "cpuacct"], null),
            new CgroupV1Hierarchy("memory", ["memory"], null),
        ],
        LastCapability: 40,
        HasKcore: true);

    [Theory]
    [InlineData("simple", "simple.json", "pod.json", CgroupVersion.V2)]
    [InlineData("simple-cgroup-v1", "simple.json", "pod.json", CgroupVersion.V1)]
    [InlineData("privileged", "privileged.json", "pod.json", CgroupVersion.V2)]
    [InlineData("user-namespace", "simple.json", "pod-user.json", CgroupVersion.V2)]
    [InlineData("read-only-mounts-terminal", "terminal.json", "pod.json", CgroupVersion.V2)]
    [InlineData("shared-pid", "shared-pid.json", "pod-shared-pid.json", CgroupVersion.V2)]
    [InlineData("hooks", "hooks.json", "pod.json", CgroupVersion.V2)]
    [InlineData("hooks-user-namespace", "hooks.json", "pod-user.json", CgroupVersion.V2)]
    [InlineData("hooks-shared-pid", "hooks-shared-pid.json", "pod-shared-pid.json", CgroupVersion.V2)]
    public void Container_Plan_IsThePinnedOne(string name, string container, string pod, CgroupVersion version)
        => Compare(name, Text(version).Container(Read(container, SpecJson.Default.ContainerSpec), Read(pod, SpecJson.Default.SandboxSpec)));

    [Theory]
    [InlineData("exec", "exec.json", "pod.json", CgroupVersion.V2)]
    [InlineData("exec-cgroup-v1", "exec.json", "pod.json", CgroupVersion.V1)]
    [InlineData("exec-terminal-user-namespace", "exec-terminal.json", "pod-user.json", CgroupVersion.V2)]
    public void Exec_Plan_IsThePinnedOne(string name, string process, string pod, CgroupVersion version)
        => Compare(name, Text(version).Exec(Read(process, SpecJson.Default.ProcessSpec), Read(pod, SpecJson.Default.SandboxSpec)));

    [Fact]
    public void NameOfAUser_WithoutTheImage_IsRefused()
    {
        var spec = Specs.Container("true").With(p => p with { User = new UserSpec { User = "app" } });

        Assert.Equal(RpcCode.InvalidArgument, Assert.Throws<SandboxException>(() => Text(CgroupVersion.V2).Container(spec, Specs.Pod)).Code);
    }

    [Fact]
    public void NodesFilesystems_OfAUserNamespace_ComeAsDescriptors()
    {
        var pod = Specs.UserPod with { IpcNamespace = false, NetworkNamespace = false };
        var text = Text(CgroupVersion.V2).Container(Specs.Container("true") with { Namespaces = new NamespacesSpec { Pid = PidNamespace.Node } }, pod);

        Assert.DoesNotContain("fsopen(\"proc\"", text);
        Assert.DoesNotContain("fsopen(\"sysfs\"", text);
        Assert.DoesNotContain("fsopen(\"mqueue\"", text);
        Assert.Contains("move_mount(mount of /proc,", text);
    }

    private static PlanText Text(CgroupVersion version) => new(
        version == CgroupVersion.V1 ? s_v1 : s_v2,
        rootfs: null,
        isFile: path => path.EndsWith("/hosts", StringComparison.Ordinal) || path.EndsWith("/hostname", StringComparison.Ordinal)
            || path.EndsWith("/resolv.conf", StringComparison.Ordinal));

    private static T Read<T>(string name, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        => JsonSerializer.Deserialize(File.ReadAllBytes(PathOf(name)), type)!;

    private static void Compare(string name, string plan)
    {
        // Without numbers, so that a new step is one line of difference.
        plan = string.Join('\n', plan.Split('\n').Select(line => line.TrimStart(' ').TrimStart("0123456789".ToCharArray()).TrimStart(' ')));
        var path = PathOf($"{name}.plan");
        if (Environment.GetEnvironmentVariable("CRISP_WRITE_PLANS") == "1")
        {
            File.WriteAllText(path, plan);
            Assert.Fail($"{path} was written. Look at the difference, and run the test again without CRISP_WRITE_PLANS.");
        }

        Assert.Equal(File.ReadAllText(path), plan);
    }

    /// <summary>Beside this source, or beside the program when that was moved to another machine.</summary>
    private static string PathOf(string name, [CallerFilePath] string source = "")
    {
        var folder = Path.Combine(Path.GetDirectoryName(source)!, "Plans");
        return Path.Combine(Directory.Exists(folder) ? folder : Path.Combine(AppContext.BaseDirectory, "Launch", "Plans"), name);
    }
}
