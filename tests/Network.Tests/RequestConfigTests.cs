using System.Text.Json;
using Xunit;

namespace Crisp.Network.Tests;

public sealed class RequestConfigTests
{
    private static readonly CapabilityArguments _arguments = new()
    {
        PortMappings = [new PortMapping(8080, 80, "tcp"), new PortMapping(53, 53, "udp", "10.0.0.1")],
        Bandwidth = new Bandwidth(1000, 2000, 3000, 4000),
        Dns = new DnsArguments(["10.96.0.10"], ["svc.cluster.local"], ["ndots:5"]),
        Ips = ["10.1.0.9/16"],
        Mac = "c2:11:22:33:44:55",
        Aliases = ["db"],
        CgroupPath = "/kubepods/pod1",
        PodAnnotations = new Dictionary<string, string> { ["a/b"] = "c" },
    };

    [Fact]
    public void Plugin_IsToldWhatItDeclaresAndNothingElse()
    {
        var request = Request(
            """{"type":"portmap","capabilities":{"portMappings":true,"bandwidth":false,"unheardOf":true},"snat":true}""", _arguments);

        Assert.Equal(
            """[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""},{"hostPort":53,"containerPort":53,"protocol":"udp","hostIP":"10.0.0.1"}]""",
            request.GetProperty("runtimeConfig").GetProperty("portMappings").GetRawText());
        Assert.Single(request.GetProperty("runtimeConfig").EnumerateObject());
        Assert.True(request.GetProperty("snat").GetBoolean());
        Assert.False(request.TryGetProperty("capabilities", out _));
    }

    [Fact]
    public void EveryCapability_HasTheNameOfTheConventions()
    {
        var names = new[] { "portMappings", "bandwidth", "dns", "ips", "mac", "aliases", "cgroupPath", "io.kubernetes.cri.pod-annotations" };
        var declared = string.Join(",", names.Select(n => $"\"{n}\":true"));

        var told = Request($$"""{"type":"a","capabilities":{ {{declared}} } }""", _arguments).GetProperty("runtimeConfig");

        Assert.Equal(names, told.EnumerateObject().Select(c => c.Name));
        Assert.Equal("""{"ingressRate":1000,"ingressBurst":2000,"egressRate":3000,"egressBurst":4000}""", told.GetProperty("bandwidth").GetRawText());
        Assert.Equal(
            """{"servers":["10.96.0.10"],"searches":["svc.cluster.local"],"options":["ndots:5"]}""", told.GetProperty("dns").GetRawText());
    }

    [Fact]
    public void WithoutArguments_ThereIsNoRuntimeConfig()
        => Assert.False(Request("""{"type":"a","capabilities":{"portMappings":true}}""", new CapabilityArguments()).TryGetProperty("runtimeConfig", out _));

    [Fact]
    public void ReservedMembersOfTheFile_DoNotReachThePlugin()
    {
        var request = Request(
            """{"type":"a","name":"other","cniVersion":"0.1.0","prevResult":{"ips":[]},"runtimeConfig":{"mac":"x"},"cni.dev/attachments":[]}""",
            _arguments);

        Assert.Equal("""{"cniVersion":"1.0.0","name":"podnet","type":"a"}""", request.GetRawText());
    }

    [Fact]
    public void UnknownMembers_PassUnchanged()
    {
        var request = Request("""{"type":"a","mtu":123456789012345678901234567890,"nested":{"x":[1.50,null,"\u00e9"]},"twice":1,"twice":2}""", _arguments);

        Assert.Equal("123456789012345678901234567890", request.GetProperty("mtu").GetRawText());
        Assert.Equal("1.50", request.GetProperty("nested").GetProperty("x")[0].GetRawText());
        Assert.Equal(2, request.EnumerateObject().Count(m => m.Name == "twice"));
    }

    [Fact]
    public void ValidAttachments_AreGivenUnderBothNames()
    {
        var network = Network("""{"type":"a"}""");
        var bytes = RequestConfig.Write(network, network.Plugins[0], null, null, [("pod1", "eth0")]);
        using var document = JsonDocument.Parse(bytes);

        Assert.Equal("""[{"containerID":"pod1","ifname":"eth0"}]""", document.RootElement.GetProperty("cni.dev/valid-attachments").GetRawText());
        Assert.Equal("""[{"containerID":"pod1","ifname":"eth0"}]""", document.RootElement.GetProperty("cni.dev/attachments").GetRawText());
    }

    private static NetworkConfigList Network(string plugin)
        => FakePlugins.Read($$"""{"cniVersion":"1.0.0","name":"podnet","plugins":[{{plugin}}]}""");

    private static JsonElement Request(string plugin, CapabilityArguments arguments)
    {
        var network = Network(plugin);
        return JsonElement.Parse(RequestConfig.Write(network, network.Plugins[0], arguments, null));
    }
}
