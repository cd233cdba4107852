using System.Diagnostics;
using System.Net;
using Crisp.CriServer.Tests.Pods;
using Crisp.Install;
using Crisp.Install.Host;
using Crisp.Linux.Tests;
using Crisp.NodeAgent.Configuration;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Tests.Api;
using Crisp.NodeAgent.Tests.Host;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Crisp.NodeAgent.Tests.Reconciling;

/// <summary>
/// The agent on a real host: chroot, systemd, the daemon as a service, the switch as another. Only the kubelet is played, by a unit that
/// sleeps and a task that tells the API server what its flags say. Only in the test VM, whose /usr/local and /etc are nobody's.
/// </summary>
public sealed class RealHostTests : IAsyncDisposable
{
    private const string Kubelet = "crisp-test-kubelet.service";
    private const string KubeletUnit = $"/etc/systemd/system/{Kubelet}";
    private const string Flags = "/etc/default/crisp-test-kubelet";
    private const string Crisp = "/usr/local/bin/crisp";

    // As nobody else would.
    private const string Seconds = "86399";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);
    private readonly TemporaryDirectory _directory = new();
    private readonly CancellationTokenSource _end = new();

    [Fact]
    public async Task Node_FromItsLabelToItsEnd()
    {
        var native = Environment.GetEnvironmentVariable("CRISP_BIN_DIR") ?? "";
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("CRISP_TEST_VM") == "1" && Directory.Exists("/run/systemd/system"), "needs the test VM: it installs crisp on the machine");
        Assert.SkipUnless(File.Exists(Path.Combine(native, "crisp-node-agent")), "needs the published crisp-node-agent (CRISP_BIN_DIR)");
        var image = Directory.CreateDirectory(_directory.File("image")).FullName;
        foreach (var program in new[] { "crisp", "crisp-sandbox", "crisp-node-agent" })
        {
            File.Copy(Path.Combine(native, program), Path.Combine(image, program));
        }

        var host = Directory.CreateDirectory(_directory.File("host")).FullName;
        await using var api = await ApiServer.StartAsync();
        api.AddLease();
        api.AddNode("n1");
        await using var containerd = await TestRuntime.StartAsync("containerd", "/run/containerd/containerd.sock");
        await using var health = await StartHealthAsync();
        await RunAsync("mount", "--rbind", "--make-rslave", "/", host);
        var kubelet = Task.CompletedTask;
        try
        {
            File.WriteAllText(KubeletUnit, "[Service]\nExecStart=/bin/sleep infinity\n");
            File.WriteAllText(Flags, $"ARGS=\"--container-runtime-endpoint={TestNode.Containerd}\"\n");
            await RunAsync("systemctl", "daemon-reload");
            await RunAsync("systemctl", "start", Kubelet);
            kubelet = PlayKubeletAsync(api);
            var options = new AgentOptions
            {
                NodeName = "n1",
                Namespace = ApiServer.Space,
                HostRoot = host,
                Programs = image,
                SwitchKubelet = true,
                KubeletUnit = Kubelet,
                KubeletFiles = [Flags],
                KubeletHealth = health.Urls.Single(),
                SwitchPatience = s_patience,
                Drain = new DrainOptions(TimeSpan.FromMinutes(1), false, false),
                Resync = TimeSpan.FromSeconds(1),
                FactsInterval = TimeSpan.FromMinutes(10),
                ReadyPatience = s_patience,
                Listen = "127.0.0.1:0",
                LogFormat = CriServer.Configuration.LogFormat.Text,
            };
            await using (var agent = AgentHost.Build(options, api.Client))
            {
                await agent.StartAsync(TestContext.Current.CancellationToken);
                await UntilAsync(api, () => api.EventReasons().Contains("Switched") && api.LeaseHolder is null, "the node is switched");
                await UntilAsync(api, () => api.Label("n1", "crisp.dev/active") == "true", "the node is said to run crisp");
                Assert.Equal("2", api.Label("n1", "crisp.dev/cgroup-version"));
                Assert.Equal("true", api.Label("n1", "crisp.dev/user-namespaces"));
                Assert.Equal("active", await OutputAsync("systemctl", "is-active", CrispUnit.Name));
                Assert.Equal("inactive", await OutputAsync("systemctl", "is-active", "crisp-node-switch.service"));
                Assert.Empty(containerd.Pods);
                Assert.Contains(TestNode.Crisp, File.ReadAllText(Flags), StringComparison.Ordinal);
                await agent.StopAsync(TestContext.Current.CancellationToken);
            }

            await RunAsync(Crisp, "image", "import", "--name", TestImage.Busybox, new TestImage(TestImage.Busybox).WriteTo(_directory.Path));
            var container = await OutputAsync(Crisp, "run", "--detach", "--network", "Node", TestImage.Busybox, "sleep", Seconds);
            var pid = await OutputAsync("pgrep", "-xf", $"sleep {Seconds}");
            Assert.Matches("^[0-9]+$", pid);

            // Another build of the same version: bytes behind a program's end change nothing but its digest.
            var before = MainPid();
            File.AppendAllText(Path.Combine(image, "crisp"), "another build");
            await using (var agent = AgentHost.Build(options, api.Client))
            {
                await agent.StartAsync(TestContext.Current.CancellationToken);
                await UntilAsync(
                    api, () => MainPid() is var now && now != before && now != "0" && api.LeaseHolder is null, "the other build runs");
                Assert.NotNull(new ProgramFiles(new HostRoot("/")).PreviousName);

                // The pod does not notice, and the new daemon knows it.
                Assert.Equal(pid, await OutputAsync("pgrep", "-xf", $"sleep {Seconds}"));
                await UntilAsync(api, () => OutputAsync(Crisp, "ps", "--quiet").Result == container, "the new daemon has the pod");

                api.Change("/api/v1/nodes/n1", n => n["metadata"]!["labels"]!.AsObject().Remove("crisp.dev/runtime"));
                await UntilAsync(api, () => api.Label("n1", "crisp.dev/version") is null, "crisp is removed");
                await agent.StopAsync(TestContext.Current.CancellationToken);
            }

            Assert.Empty(api.Objections);
            Assert.Equal($"ARGS=\"--container-runtime-endpoint={TestNode.Containerd}\"\n", File.ReadAllText(Flags));
            Assert.Equal("active", await OutputAsync("systemctl", "is-active", Kubelet));
            Assert.Empty(await OutputAsync("pgrep", "-xf", $"sleep {Seconds}"));
            Assert.All(
                new[] { "/usr/local/lib/crisp", "/usr/local/bin/crisp", "/etc/crisp", "/var/lib/crisp", "/run/crisp", "/var/lib/crisp-node-agent", CrispUnit.Path, "/etc/systemd/system/crisp-node-switch.service" },
                path => Assert.False(File.Exists(path) || Directory.Exists(path), path));
        }
        finally
        {
            await _end.CancelAsync();
            await kubelet;
            await RunAsync("systemctl", "stop", Kubelet);
            File.Delete(KubeletUnit);
            File.Delete(Flags);
            await RunAsync("systemctl", "daemon-reload");
            await RunAsync("umount", "-R", host);
        }
    }

    public ValueTask DisposeAsync()
    {
        _end.Dispose();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Each time that the unit has started, the API server hears of the runtime that its flags name.</summary>
    private async Task PlayKubeletAsync(ApiServer api)
    {
        var seen = await OutputAsync("systemctl", "show", "-p", "InvocationID", "--value", Kubelet);
        while (!_end.IsCancellationRequested)
        {
            var now = await OutputAsync("systemctl", "show", "-p", "InvocationID", "--value", Kubelet);
            if (now != seen && await OutputAsync("systemctl", "is-active", Kubelet) == "active")
            {
                seen = now;
                var isCrisp = File.ReadAllText(Flags).Contains(TestNode.Crisp, StringComparison.Ordinal);
                api.Change(ApiServer.NodePath("n1"), n => n["status"]!["nodeInfo"]!["containerRuntimeVersion"] = isCrisp ? "crisp://0.1.0" : "containerd://2.1.9");
            }

            await Task.Delay(500);
        }
    }

    private static async Task<WebApplication> StartHealthAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Run(context => context.Response.WriteAsync("ok"));
        await app.StartAsync();
        return app;
    }

    private static async Task UntilAsync(ApiServer api, Func<bool> condition, string what)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Delay(200))
        {
            if (clock.Elapsed > s_patience)
            {
                var events = string.Join(" | ", api.List("/api/v1/namespaces/default/events/").Select(e => $"{e["reason"]}: {e["message"]}"));
                Assert.Fail($"After {s_patience.TotalSeconds:0} s it still does not hold that {what}. {events} {await OutputAsync("journalctl", "-n", "60", "--no-pager")}");
            }
        }
    }

    private static string MainPid() => OutputAsync("systemctl", "show", "-p", "MainPID", "--value", CrispUnit.Name).Result;

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}");
    }

    private static async Task<string> OutputAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Trim();
    }
}
