using System.Text;
using Crisp.Linux;
using Xunit;

namespace Crisp.Network.Tests.RealPlugins;

/// <summary>
/// A node of its own: a network namespace in which the real plugins believe to be on the host, so that neither bridges, nor
/// forwarding, nor iptables of the machine change. Leases lie in a directory of the test.
/// </summary>
internal sealed class TestNode : IDisposable
{
    internal const string Network = "crispt";
    private static readonly string[] _types = ["bridge", "host-local", "portmap", "firewall", "bandwidth", "tuning", "loopback"];
    private readonly TemporaryDirectory _directory = new();

    internal TestNode()
    {
        Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
        var real = new CniOptions { CacheDirectory = "" }.BinDirectories.FirstOrDefault(d => _types.All(t => File.Exists(Path.Combine(d, t))));
        Assert.SkipWhen(real is null, "needs CNI plugins (Debian: containernetworking-plugins)");
        Assert.SkipUnless(File.Exists("/usr/sbin/iptables"), "needs iptables");
        Host = new NetNamespace();
        Host.Shell("ip link add crispte type bridge && ip addr add 10.232.0.1/24 dev crispte && ip addr add fd00:232::1/64 nodad dev crispte && ip link set crispte up");
        foreach (var type in _types)
        {
            AddProgram(type, $"exec nsenter --net={Host.Path} {real}/{type}");
        }

        Cni = new CniNetwork(Options);
    }

    /// <summary>What the plugins take for the host.</summary>
    internal NetNamespace Host { get; }

    internal CniNetwork Cni { get; }

    internal CniOptions Options => new()
    {
        BinDirectories = [Directory.CreateDirectory(_directory.File("bin")).FullName],
        CacheDirectory = _directory.File("cache"),
        PluginTimeout = TimeSpan.FromSeconds(30),
    };

    /// <summary>
    /// The addresses that host-local has given to pods. It makes a lease's file first and writes the pod's id next, so a killed
    /// one may leave an empty file, which belongs to nobody.
    /// </summary>
    internal IReadOnlyList<string> Leases => !Directory.Exists(LeaseDirectory)
        ? []
        :
        [
            .. new DirectoryInfo(LeaseDirectory).GetFiles()
                .Where(f => f.Length > 0 && f.Name != "lock" && !f.Name.StartsWith("last_reserved", StringComparison.Ordinal))
                .Select(f => f.Name).Order(StringComparer.Ordinal),
        ];

    /// <summary>The rules of iptables and the interfaces of the node that belong to pods.</summary>
    internal IReadOnlyList<string> Remains
    {
        get
        {
            var rules = Host.Shell("iptables-save; ip6tables-save").Split('\n')
                .Where(l => l.Contains("10.231.", StringComparison.Ordinal) || l.Contains("fd00:231:", StringComparison.OrdinalIgnoreCase) || l.Contains("dnat name", StringComparison.Ordinal));
            var links = Host.Shell("ip -o link").Split('\n').Where(l => l.Contains("veth", StringComparison.Ordinal));
            return [.. rules.Concat(links), .. Leases];
        }
    }

    /// <summary>Replaces a plugin.</summary>
    internal void AddProgram(string type, string script)
    {
        var path = Path.Combine(Options.BinDirectories[0], type);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, (UnixFileMode)0x1ED);
    }

    /// <summary>A bridge with addresses of both families, and the further plugins.</summary>
    internal NetworkConfigList Config(string version = "1.0.0", params string[] further)
    {
        var plugins = string.Concat(further.Select(p => "," + p));
        return NetworkConfigReader.Read(Encoding.UTF8.GetBytes($$"""
            {
              "cniVersion": "{{version}}",
              "name": "{{Network}}",
              "plugins": [
                {
                  "type": "bridge", "bridge": "crispt0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
                  "ipam": {
                    "type": "host-local",
                    "dataDir": "{{_directory.File("leases")}}",
                    "ranges": [[{"subnet": "10.231.0.0/24"}], [{"subnet": "fd00:231::/64"}]],
                    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
                  }
                }{{plugins}}
              ]
            }
            """), "/etc/cni/net.d/10-crispt.conflist");
    }

    internal static CniAttachment Attachment(NetNamespace pod, string id = "pod1", CapabilityArguments? capabilities = null) => new()
    {
        ContainerId = id,
        Netns = pod.Path,
        Arguments = CniAttachment.KubernetesArguments("default", "web", "0b5f", id),
        Capabilities = capabilities ?? new CapabilityArguments(),
    };

    /// <summary>Whether the address answers within a few seconds: IPv6 first looks whether it is alone with its address.</summary>
    internal bool Answers(string address)
        => Enumerable.Range(0, 5).Any(_ => Host.TryShell($"busybox ping -c 1 -W 2 {address}").Code == 0);

    public void Dispose()
    {
        Cni.Dispose();
        Host.Dispose();
        _directory.Dispose();
    }

    private string LeaseDirectory => Path.Combine(_directory.File("leases"), Network);
}
