using System.Diagnostics;
using Crisp.Linux;
using Crisp.Linux.Tests;
using Crisp.NodeAgent.Tests.Api;
using Crisp.NodeAgent.Tests.Host;
using Xunit;

namespace Crisp.NodeAgent.Tests;

/// <summary>
/// The program as it is published, by NativeAOT, from its command line to its end: what reflection would have found is there. The host is
/// a directory with a shell; its systemd is a script that says yes.
/// </summary>
public sealed class NativeAgentTests : IDisposable
{
    private const string Busybox = "/bin/busybox";
    private readonly TemporaryDirectory _directory = new();
    private string _root = "";

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task PublishedAgent_InstallsLabelsDrains_HandsOver_AndTakesAway()
    {
        // Not the one beside the tests, which is no whole program.
        var program = Path.Combine(Environment.GetEnvironmentVariable("CRISP_BIN_DIR") ?? "/", "crisp-node-agent");
        Assert.SkipUnless(File.Exists(program), "needs the published crisp-node-agent (CRISP_BIN_DIR)");
        Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
        Assert.SkipUnless(File.Exists(Busybox), "needs busybox (Debian: busybox-static)");
        MakeHost();
        var image = MakeImage(program);
        await using var api = await ApiServer.StartAsync();
        api.AddLease();
        api.AddNode("n1");
        api.AddPod("web", "n1");
        await using var crisp = await TestRuntime.StartAsync("crisp", Path.Combine(_root, "run/crisp/crisp.sock"));
        File.WriteAllText(_directory.File("kubeconfig"), $$"""
            apiVersion: v1
            kind: Config
            current-context: test
            contexts: [{name: test, context: {cluster: test, user: test} }]
            clusters: [{name: test, cluster: {server: "{{api.Url}}"} }]
            users: [{name: test, user: {token: secret} }]
            """);

        using (var agent = Start(image, "run", "--node", "n1", "--namespace", ApiServer.Space, "--host-root", _root, "--switch-kubelet", "--listen", "127.0.0.1:0",
            "--kubelet-file", TestNode.Flags, "--log-format", "text"))
        {
            await Eventually.HoldsAsync(() => File.Exists(Path.Combine(_root, "var/lib/crisp-node-agent/switch.json")), "the switch is handed over", () => State(api));
            await Eventually.HoldsAsync(() => Commands().Contains("start --no-block crisp-node-switch.service"), "its service is started", () => State(api));
            Assert.Equal("0.1.0", api.Label("n1", "crisp.dev/version"));
            Assert.Equal("2", api.Label("n1", "crisp.dev/cgroup-version"));
            Assert.True(api.IsCordoned("n1"));
            Assert.Equal("n1", api.LeaseHolder);
            Assert.Null(api.Find(ApiServer.PodPath("web")));
            Assert.Equal(["Installed", "SwitchBegun"], api.EventReasons());
            Stop(agent, 0);
        }

        // An administrator puts it right by hand, and takes the label away.
        Directory.Delete(Path.Combine(_root, "var/lib/crisp-node-agent"), recursive: true);
        api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!.AsObject().Remove("crisp.dev/runtime"));
        using (var agent = Start(image, "run", "--node", "n1", "--namespace", ApiServer.Space, "--host-root", _root, "--listen", "127.0.0.1:0"))
        {
            await Eventually.HoldsAsync(() => api.Label("n1", "crisp.dev/version") is null, "crisp is removed", () => State(api));
            Assert.False(api.IsCordoned("n1"));
            Assert.Null(api.LeaseHolder);
            Stop(agent, 0);
        }

        using var uninstall = Start(image, "uninstall", "--namespace", ApiServer.Space, "--timeout", "10s");
        Assert.True(uninstall.WaitForExit(TimeSpan.FromSeconds(30)));
        Assert.Equal(0, uninstall.ExitCode);
        Assert.Empty(api.Objections);
    }

    private void MakeHost()
    {
        _root = _directory.File("host");
        foreach (var directory in new[] { "bin", "usr/bin", "etc", "run/crisp", "dev", "var/lib/kubelet" })
        {
            Directory.CreateDirectory(Path.Combine(_root, directory));
        }

        File.Copy(Busybox, _root + Busybox);
        Script("usr/bin/systemctl", "echo \"$@\" >> /commands; [ \"$1 $2\" != 'is-active crisp-node-switch.service' ] || { echo inactive; exit 3; }; echo active");
        Script("usr/bin/systemd-run", """
            case "$*" in
            *check*) echo '{"version": "0.1.0", "usable": true, "checks": [{"name": "cgroups", "state": "Ok", "found": "v2", "advice": null, "isNecessary": false}]}' ;;
            esac
            """);
        File.WriteAllText(_root + TestNode.Flags, $"KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint={TestNode.Containerd}\"\n");
    }

    private string MakeImage(string program)
    {
        var image = Directory.CreateDirectory(_directory.File("image")).FullName;
        File.Copy(program, Path.Combine(image, "crisp-node-agent"));
        foreach (var name in new[] { "crisp", "crisp-sandbox" })
        {
            File.WriteAllText(Path.Combine(image, name), "#!/bin/busybox sh\nexit 0\n");
        }

        return image;
    }

    private void Script(string path, string text)
    {
        File.WriteAllText(Path.Combine(_root, path), $"#!/bin/busybox sh\n{text}\n");
        File.SetUnixFileMode(Path.Combine(_root, path), (UnixFileMode)0x1ED);
    }

    private Process Start(string image, params string[] arguments) =>
        Process.Start(Path.Combine(image, "crisp-node-agent"), [.. arguments, "--kubeconfig", _directory.File("kubeconfig")]);

    private static void Stop(Process agent, int code)
    {
        using var pidfd = Processes.PidfdOpen(agent.Id);
        Processes.PidfdSendSignal(pidfd, Signals.Terminate);
        Assert.True(agent.WaitForExit(TimeSpan.FromSeconds(60)), "the agent did not end after SIGTERM");
        Assert.Equal(code, agent.ExitCode);
    }

    private string[] Commands() => File.Exists(Path.Combine(_root, "commands")) ? File.ReadAllLines(Path.Combine(_root, "commands")) : [];

    private string State(ApiServer api) =>
        $"{string.Join(" | ", Commands())} {string.Join(" | ", api.List("/api/v1/namespaces/default/events/").Select(e => $"{e["reason"]}: {e["message"]}"))} {string.Join(" | ", api.Objections)}";
}
