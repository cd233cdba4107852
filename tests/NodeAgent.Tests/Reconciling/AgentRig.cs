using Crisp.Install.Host;
using Crisp.Linux.Tests;
using Crisp.NodeAgent.CommandLine;
using Crisp.NodeAgent.Configuration;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Tests.Api;
using Crisp.NodeAgent.Tests.Host;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace Crisp.NodeAgent.Tests.Reconciling;

/// <summary>An API server, a node, and the agent whole, as its command puts it together; pods of the agent's come and go.</summary>
internal sealed class AgentRig : IAsyncDisposable
{
    private readonly TemporaryDirectory _image = new();
    private WebApplication? _agent;
    private MortalCommands? _commands;

    private AgentRig(ApiServer api, bool ownsApi, TestNode node)
    {
        Api = api;
        OwnsApi = ownsApi;
        Node = node;
        SetImage("1");
        Options = new AgentOptions
        {
            NodeName = node.Name,
            Namespace = ApiServer.Space,
            HostRoot = node.Root.Path,
            Programs = _image.Path,
            SwitchKubelet = true,
            KubeletFiles = [TestNode.Flags],
            KubeletHealth = node.KubeletHealth,
            SwitchPatience = TimeSpan.FromSeconds(5),
            Drain = new DrainOptions(TimeSpan.FromSeconds(4), DeleteEmptyDirData: false, Force: false),
            Resync = TimeSpan.FromMilliseconds(100),
            FactsInterval = TimeSpan.FromMilliseconds(200),
            ReadyPatience = TimeSpan.FromSeconds(2),
            DrainPause = TimeSpan.FromMinutes(5),
            RetryDelay = TimeSpan.FromMilliseconds(5),
            Listen = "127.0.0.1:0",
            LogLevel = Microsoft.Extensions.Logging.LogLevel.None,
        };
    }

    public ApiServer Api { get; }

    public TestNode Node { get; }

    public AgentOptions Options { get; set; }

    public string Image => _image.Path;

    public string Url => _agent!.Urls.Single();

    private bool OwnsApi { get; }

    public static async Task<AgentRig> CreateAsync(string? label = "crisp", ApiServer? api = null, string name = "n1")
    {
        var ownsApi = api is null;
        api ??= await ApiServer.StartAsync();
        if (ownsApi)
        {
            api.AddLease();
        }

        api.AddNode(name, label);
        return new AgentRig(api, ownsApi, await TestNode.StartAsync(api, name));
    }

    /// <summary>Programs of another build.</summary>
    public void SetImage(string content)
    {
        foreach (var program in new[] { "crisp", "crisp-sandbox", "crisp-node-agent" })
        {
            File.WriteAllText(_image.File(program), $"{program} {content}");
        }
    }

    public async Task StartAgentAsync()
    {
        _commands = new MortalCommands(Node);
        _agent = AgentHost.Build(Options, Api.Client, _commands);
        await _agent.StartAsync();
    }

    /// <summary>The agent's pod ends: whatever it was about to do on the host is not done.</summary>
    public async Task StopAgentAsync()
    {
        if (_agent is { } agent)
        {
            _agent = null;
            _commands!.Die();
            await agent.StopAsync();
            await agent.DisposeAsync();
        }
    }

    /// <summary>The chart's last hook.</summary>
    public async Task<(int Code, string Output)> UninstallAsync(TimeSpan limit)
    {
        using var cluster = new Cluster(Api.Client, Options.RetryDelay, TimeProvider.System);
        var lease = new SwitchLease(cluster, ApiServer.Space, Options.LeaseName, "uninstall", TimeProvider.System);
        await using var output = new StringWriter();
        var code = await UninstallCommand.RunAsync(
            cluster, lease, limit, TimeSpan.FromMilliseconds(50), TimeProvider.System, output, TestContext.Current.CancellationToken);
        return (code, output.ToString());
    }

    public string Runtime => $"{Api.Node(Node.Name)["status"]!["nodeInfo"]!["containerRuntimeVersion"]}";

    public bool IsOnCrisp => Runtime.StartsWith("crisp://", StringComparison.Ordinal);

    public Task UntilAsync(Func<bool> condition, string what) => Eventually.HoldsAsync(condition, what, State);

    private string State() =>
        $"Runtime {Runtime}, lease of {Api.LeaseHolder}, cordoned {Api.IsCordoned(Node.Name)}, events: "
        + string.Join(" | ", Api.List("/api/v1/namespaces/default/events/").Select(e => $"{e["reason"]}: {e["message"]}"))
        + $", switch: {Node.Root.ReadText("/var/lib/crisp-node-agent/switch.json")}";

    public async ValueTask DisposeAsync()
    {
        await StopAgentAsync();
        await Node.DisposeAsync();
        if (OwnsApi)
        {
            await Api.DisposeAsync();
        }

        _image.Dispose();
    }
}

/// <summary>The host's programs, for an agent that may be dead.</summary>
internal sealed class MortalCommands(IHostCommands commands) : IHostCommands
{
    private volatile bool _isDead;

    public void Die() => _isDead = true;

    public async Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, TimeSpan deadline, CancellationToken cancellation)
    {
        var result = _isDead ? null : await commands.RunAsync(program, arguments, deadline, cancellation);
        return _isDead ? throw new OperationCanceledException("The agent is dead.") : result!;
    }
}
