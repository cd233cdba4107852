using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "NamespaceOption" and "UserNamespaces".</summary>
public sealed class NamespaceTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task NodePid_SeesTheNodesProcesses()
        => Assert.Equal(OwnNamespace("pid"), await Cri.ScriptAsync("readlink /proc/self/ns/pid", Pid(NamespaceMode.Node), Pod(o => o.Pid = NamespaceMode.Node)));

    [Fact]
    public async Task PodPid_IsShared()
    {
        var pod = await Cri.PodAsync(Pod(o => o.Pid = NamespaceMode.Pod));
        await Cri.LaunchAsync(pod, ["sleep", "4321"], Pid(NamespaceMode.Pod));
        var second = await Cri.LaunchAsync(pod, ["sleep", "1000"], Pid(NamespaceMode.Pod));
        Assert.Contains("sleep 4321", await Cri.ShellAsync(second, "ps"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ContainerPid_IsTheContainersOwn()
    {
        var pod = await Cri.PodAsync();
        await Cri.LaunchAsync(pod, ["sleep", "4321"]);
        var (_, output) = await Cri.OutputAsync(pod, ["sh", "-c", "echo $$; ps"]);
        Assert.StartsWith("1\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("4321", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TargetPid_IsTheTargets()
    {
        var pod = await Cri.PodAsync();
        var target = await Cri.LaunchAsync(pod, ["sleep", "4321"]);
        var (_, output) = await Cri.OutputAsync(pod, ["ps"], c =>
        {
            c.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Target;
            c.Linux.SecurityContext.NamespaceOptions.TargetId = target;
        });
        Assert.Contains("sleep 4321", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NodeIpc_IsTheNodes()
    {
        const string script = "readlink /proc/self/ns/ipc";
        var shared = await Cri.ScriptAsync(script, c => c.Linux.SecurityContext.NamespaceOptions.Ipc = NamespaceMode.Node, Pod(o => o.Ipc = NamespaceMode.Node));
        Assert.Equal(OwnNamespace("ipc"), shared);
        Assert.NotEqual(OwnNamespace("ipc"), await Cri.ScriptAsync(script));
    }

    [Fact]
    public async Task NodeNetwork_IsTheNodes()
    {
        const string script = "readlink /proc/self/ns/net";
        var shared = await Cri.ScriptAsync(script, c => c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Node, Pod(o => o.Network = NamespaceMode.Node));
        var own = await Cri.ScriptAsync(script, c => c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod, Pod(o => o.Network = NamespaceMode.Pod));
        Assert.Equal(OwnNamespace("net"), shared);
        Assert.NotEqual(shared, own);
    }

    [Fact]
    public async Task UserNamespace_MapsRootToWhatWasAsked()
    {
        var output = await Cri.ScriptAsync("cat /proc/self/uid_map; id -u", User(NamespaceMode.Pod, Map(0, 200_000, 65_536)), UserPod(NamespaceMode.Pod, Map(0, 200_000, 65_536)));
        Assert.Equal("0 200000 65536 0", string.Join(' ', output.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public async Task NodesUserNamespace_HasNoMap()
        => Assert.StartsWith("0 0 4294967295", string.Join(' ', (await Cri.ScriptAsync("cat /proc/self/uid_map", User(NamespaceMode.Node), UserPod(NamespaceMode.Node))).Split(' ', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);

    [Fact]
    public async Task UserNamespacesThatCannotBe_AreRefused()
    {
        await CriCalls.RefusedAsync(() => Cri.PodAsync(UserPod(NamespaceMode.Container)));
        await CriCalls.RefusedAsync(() => Cri.PodAsync(UserPod(NamespaceMode.Target)));
        await CriCalls.RefusedAsync(() => Cri.PodAsync(UserPod(NamespaceMode.Pod, Map(1, 200_000, 65_536))));
    }

    private static string OwnNamespace(string kind) => new FileInfo($"/proc/self/ns/{kind}").LinkTarget!;

    private static Action<ContainerConfig> Pid(NamespaceMode mode) => c => c.Linux.SecurityContext.NamespaceOptions.Pid = mode;

    private static Action<PodSandboxConfig> Pod(Action<NamespaceOption> change) => c => change(c.Linux.SecurityContext.NamespaceOptions);

    private static IDMapping Map(uint container, uint host, uint length) => new() { ContainerId = container, HostId = host, Length = length };

    private static UserNamespace UserOptions(NamespaceMode mode, IDMapping[] maps)
    {
        var options = new UserNamespace { Mode = mode };
        options.Uids.AddRange(maps);
        options.Gids.AddRange(maps);
        return options;
    }

    private static Action<PodSandboxConfig> UserPod(NamespaceMode mode, params IDMapping[] maps) => Pod(o =>
    {
        o.Network = NamespaceMode.Pod;
        o.UsernsOptions = UserOptions(mode, maps);
    });

    private static Action<ContainerConfig> User(NamespaceMode mode, params IDMapping[] maps) => c =>
    {
        c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;
        c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = UserOptions(mode, maps);
    };
}
