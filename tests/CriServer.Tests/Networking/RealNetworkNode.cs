using Crisp.CriServer.Tests.Pods;
using Crisp.Network.Tests.RealPlugins;
using Xunit;

namespace Crisp.CriServer.Tests.Networking;

/// <summary>
/// A daemon whose pods are on CNI's real plugins, in a namespace that these take for the host. Its disposal fails when a lease, a
/// rule or an interface of a pod is left.
/// </summary>
internal sealed class RealNetworkNode : IAsyncLifetime
{
    /// <summary>The host's address for pods and for the host itself.</summary>
    public const string HostAddress = "10.232.0.1";

    private readonly TemporaryDirectory _directory = new();

    public RealNetworkNode()
    {
        PodNode.Require();
        Host = new TestNode();
        var conf = Directory.CreateDirectory(_directory.Combine("net.d")).FullName;
        var network = Host.Config(
            "1.0.0",
            """{"type":"portmap","capabilities":{"portMappings":true},"snat":true}""",
            """{"type":"bandwidth","capabilities":{"bandwidth":true}}""");
        File.WriteAllText(Path.Combine(conf, "10-crispt.conflist"), network.ToJson().GetRawText());
        File.WriteAllText(_directory.Combine("config.toml"), $"""
            [cni]
            conf_dir = "{conf}"
            bin_dirs = ["{Host.Options.BinDirectories[0]}"]

            """);
        Pods = new PodNode(_directory.Combine("config.toml"));
    }

    /// <summary>What the plugins take for the host.</summary>
    public TestNode Host { get; }

    public PodNode Pods { get; }

    public ValueTask InitializeAsync() => Pods.InitializeAsync();

    /// <summary>What the host gets at a URL; null when nobody answers within five seconds.</summary>
    public string? TryGet(string url)
    {
        var (code, output) = Host.Host.TryShell($"timeout 5 busybox wget -qO- {url}");
        return code == 0 ? output.Trim() : null;
    }

    public async ValueTask DisposeAsync()
    {
        await Pods.DisposeAsync();
        var remains = Host.Remains;
        Host.Dispose();
        _directory.Dispose();
        Assert.Empty(remains);
    }
}
