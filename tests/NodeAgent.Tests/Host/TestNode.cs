using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Crisp.Linux.Tests;
using Crisp.Install.Host;
using Crisp.NodeAgent.Switching;
using Crisp.NodeAgent.Tests.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Crisp.NodeAgent.Tests.Host;

/// <summary>
/// A host below a directory: its systemd with the units crisp, kubelet and the switch, its two runtimes on real sockets, and a
/// kubelet that reads its flags when it starts and tells the API server which runtime it uses. What the agent asks of the host goes
/// through here; what it writes are real files.
/// </summary>
internal sealed class TestNode : IHostCommands, IAsyncDisposable
{
    public const string Containerd = "unix:///run/containerd/containerd.sock";
    public const string Crisp = "unix:///run/crisp/crisp.sock";
    public const string Flags = "/var/lib/kubelet/kubeadm-flags.env";
    private readonly TemporaryDirectory _directory;
    private readonly ApiServer _api;
    private readonly WebApplication _kubelet;
    private readonly CancellationTokenSource _end = new();
    private TestRuntime? _crisp;
    private Task? _switch;
    private bool _isKubeletRunning = true;

    private TestNode(ApiServer api, string name, TemporaryDirectory directory, WebApplication kubelet, TestRuntime containerd)
    {
        _directory = directory;
        _api = api;
        Name = name;
        _kubelet = kubelet;
        ContainerdRuntime = containerd;
        Root = new HostRoot(_directory.Path);
    }

    public string Name { get; }

    public HostRoot Root { get; }

    public TestRuntime ContainerdRuntime { get; }

    public TestRuntime? CrispRuntime => _crisp;

    public string KubeletHealth => $"{_kubelet.Urls.Single()}/healthz";

    public ConcurrentQueue<string> Commands { get; } = [];

    public HashSet<string> Enabled { get; } = [];

    /// <summary>Versions (directory names' beginnings) whose daemon does not come up, or configurations.</summary>
    public Func<string, bool> IsBroken { get; set; } = _ => false;

    /// <summary>Whether a kubelet on crisp becomes Ready.</summary>
    public bool WorksOnCrisp { get; set; } = true;

    public bool HasKvm { get; set; } = true;

    public bool HasGuestImage { get; set; }

    public bool IsUsable { get; set; } = true;

    /// <summary>Called before each command; throws to refuse or to die.</summary>
    public Action<string> Before { get; set; } = _ => { };

    public bool IsCrispRunning => _crisp is not null;

    public static async Task<TestNode> StartAsync(ApiServer api, string name)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var kubelet = builder.Build();
        TestNode? node = null;
        kubelet.Run(context =>
        {
            context.Response.StatusCode = node!._isKubeletRunning ? 200 : 503;
            return context.Response.WriteAsync("ok");
        });
        await kubelet.StartAsync();
        var directory = new TemporaryDirectory();
        var containerd = await TestRuntime.StartAsync("containerd", directory.File("run/containerd/containerd.sock"));
        node = new TestNode(api, name, directory, kubelet, containerd);
        node.Root.WriteText(Flags, $"KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint={Containerd} --v=2\"\n");
        return node;
    }

    public async Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, TimeSpan deadline, CancellationToken cancellation)
    {
        var command = string.Join(' ', [Path.GetFileName(program), .. arguments]);
        Commands.Enqueue(command);
        Before(command);
        return program == "/usr/bin/systemctl" ? await SystemctlAsync(arguments)
            : program == "/usr/bin/systemd-run" ? Service([.. arguments.SkipWhile(a => a != "--").Skip(1)])
            : Service([program, .. arguments]);
    }

    /// <summary>The node is switched off and on.</summary>
    public async Task RebootAsync()
    {
        await StopCrispAsync();
        _isKubeletRunning = false;
        if (Enabled.Contains("crisp.service"))
        {
            await StartCrispAsync();
        }

        StartKubelet();
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        if (_switch is not null)
        {
            await _switch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await StopCrispAsync();
        await ContainerdRuntime.DisposeAsync();
        await _kubelet.DisposeAsync();
        _end.Dispose();
        _directory.Dispose();
    }

    private async Task<CommandResult> SystemctlAsync(IReadOnlyList<string> arguments)
    {
        var unit = arguments[^1];
        switch (arguments[0])
        {
            case "is-active":
                return IsActive(unit) ? new CommandResult(0, "active\n", "") : new CommandResult(3, "inactive\n", "");
            case "enable":
                Enabled.Add(unit);
                return Done;
            case "disable":
                Enabled.Remove(unit);
                return Done;
            case "daemon-reload":
                return Done;
            case "stop" when unit == "kubelet.service":
                _isKubeletRunning = false;
                return Done;
            case "start" when unit == "kubelet.service":
                StartKubelet();
                return Done;
            case "stop" when unit == "crisp.service":
                await StopCrispAsync();
                return Done;
            case "restart" when unit == "crisp.service":
                await StopCrispAsync();
                return await StartCrispAsync() ? Done
                    : new CommandResult(1, "", "Job for crisp.service failed because the control process exited with error code.");
            case "start" when unit == "crisp-node-switch.service":
                StartSwitch();
                return Done;
            default:
                return new CommandResult(5, "", $"Unit {unit} not found.");
        }
    }

    private static CommandResult Done => new(0, "", "");

    private bool IsActive(string unit) => unit switch
    {
        "crisp.service" => IsCrispRunning,
        "kubelet.service" => _isKubeletRunning,
        "crisp-node-switch.service" => _switch is { IsCompleted: false },
        _ => false,
    };

    private CommandResult Service(string[] command) => command switch
    {
        [_, "check", "--output", "json"] => new CommandResult(IsUsable ? 0 : 1, Facts(), ""),
        [_, "vm", "build"] => BuildGuestImage(),
        [_, "config", "show", "--config", var file] => Root.ReadText(file)!.Contains("levle", StringComparison.Ordinal)
            ? new CommandResult(1, "", $"crisp: {file}:1: There is no option \"log.levle\". Did you mean \"log.level\"?")
            : Done,
        ["/bin/rm", "-rf", "--one-file-system", var directory] => Remove(directory),
        _ => new CommandResult(1, "", $"no such command: {string.Join(' ', command)}"),
    };

    private CommandResult BuildGuestImage()
    {
        HasGuestImage = true;
        return Done;
    }

    private CommandResult Remove(string directory)
    {
        using var rm = Process.Start(new ProcessStartInfo("/bin/rm", ["-rf", "--one-file-system", Root.Resolve(directory)]) { RedirectStandardError = true })!;
        var error = rm.StandardError.ReadToEnd();
        rm.WaitForExit();
        return new CommandResult(rm.ExitCode, "", error);
    }

    private string Facts()
    {
        string Check(string name, bool isOk, string found) =>
            $$"""{"name": "{{name}}", "state": "{{(isOk ? "Ok" : "Missing")}}", "found": "{{found}}", "advice": null, "isNecessary": {{(name == "cgroups" ? "true" : "false")}}}""";
        return $$"""
            {
              "version": "0.1.0", "usable": {{(IsUsable ? "true" : "false")}},
              "checks": [
                {{Check("cgroups", IsUsable, IsUsable ? "v2" : "no hierarchy is mounted")}},
                {{Check("KVM", HasKvm, "a guest said hello from a virtual machine")}},
                {{Check("guest image", HasGuestImage, "of this version")}},
                {{Check("user namespaces", true, "can be made and mapped")}},
                {{Check("id-mapped mounts", true, "on the filesystem of /var/lib/crisp")}}
              ]
            }
            """;
    }

    private async Task<bool> StartCrispAsync()
    {
        var version = new FileInfo(Root.Resolve("/usr/local/lib/crisp") + "/current").LinkTarget ?? "";
        if (IsBroken($"{File.ReadAllText(Root.Resolve("/usr/local/lib/crisp/current/crisp"))}|{version}|{Root.ReadText("/etc/crisp/config.toml")}"))
        {
            return false;
        }

        Directory.CreateDirectory(Root.Resolve("/var/lib/crisp"));
        _crisp = await TestRuntime.StartAsync("crisp", Root.Resolve("/run/crisp/crisp.sock"));
        return true;
    }

    private async Task StopCrispAsync()
    {
        if (Interlocked.Exchange(ref _crisp, null) is { } crisp)
        {
            await crisp.DisposeAsync();
        }
    }

    /// <summary>The kubelet reads its flags and, if it works, tells the API server of the runtime.</summary>
    private void StartKubelet()
    {
        _isKubeletRunning = true;
        var endpoint = KubeletFiles.Find(Root, [Flags]).EffectiveEndpoint;
        var isCrisp = endpoint == Crisp;
        _api.Change(ApiServer.NodePath(Name), node =>
        {
            node["status"]!["nodeInfo"]!["containerRuntimeVersion"] = isCrisp ? "crisp://0.1.0" : "containerd://2.1.9";
            node["status"]!["conditions"]![0]!["status"] = isCrisp && !(WorksOnCrisp && IsCrispRunning) ? "False" : "True";
        });
    }

    private void StartSwitch()
    {
        var store = new SwitchStore(Root);
        if (_switch is { IsCompleted: false } || store.Load() is not { HasEnded: false } record)
        {
            return;
        }

        _switch = Task.Run(async () =>
        {
            using var host = new SwitchHost(Root, new HostSystemd(this), store);
            await new SwitchRun(host, TimeProvider.System, NullLogger<SwitchRun>.Instance).RunAsync(record, _end.Token);
        });
    }
}
