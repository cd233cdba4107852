using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Networking;
using Crisp.Network;
using Grpc.Core;
using Xunit;
using PortMapping = Crisp.Cri.V1.PortMapping;

namespace Crisp.CriServer.Tests.Networking;

public sealed class PodCapabilitiesTests
{
    [Fact]
    public void EmptyRequest_TellsNothing() => Assert.Equal(new CapabilityArguments(), PodCapabilities.From(new PodSandboxConfig()));

    [Fact]
    public void Ports_AreMappedWhereTheHostHasOne()
    {
        var config = new PodSandboxConfig();
        config.PortMappings.Add(new PortMapping { HostPort = 8080, ContainerPort = 80 });
        config.PortMappings.Add(new PortMapping { HostPort = 0, ContainerPort = 81 });
        config.PortMappings.Add(new PortMapping { HostPort = 53, ContainerPort = 5353, Protocol = Protocol.Udp, HostIp = "192.0.2.1" });
        config.PortMappings.Add(new PortMapping { HostPort = 132, ContainerPort = 132, Protocol = Protocol.Sctp, HostIp = "fd00::1" });

        Assert.Equal(
            [new(8080, 80, "tcp"), new(53, 5353, "udp", "192.0.2.1"), new(132, 132, "sctp", "fd00::1")],
            PodCapabilities.From(config).PortMappings!);
    }

    [Theory]
    [InlineData(70000, 80, "", 0)]
    [InlineData(-1, 80, "", 0)]
    [InlineData(80, 0, "", 0)]
    [InlineData(80, 80, "not-an-address", 0)]
    [InlineData(80, 80, "010.0.0.1", 0)]
    [InlineData(80, 80, "", 9)]
    public void SenselessPort_IsRefused(int host, int container, string address, int protocol)
    {
        var config = new PodSandboxConfig();
        config.PortMappings.Add(new PortMapping { HostPort = host, ContainerPort = container, HostIp = address, Protocol = (Protocol)protocol });

        Assert.Equal(StatusCode.InvalidArgument, Assert.Throws<CriException>(() => PodCapabilities.From(config)).Code);
    }

    [Fact]
    public void Bandwidth_ComesFromTheAnnotations()
    {
        var config = new PodSandboxConfig();
        config.Annotations.Add(BandwidthAnnotations.Ingress, "10M");
        Assert.Equal(new Bandwidth(10_000_000, 10_000_000, 0, 0), PodCapabilities.From(config).Bandwidth);

        config.Annotations.Add(BandwidthAnnotations.Egress, "1P");
        config.Annotations[BandwidthAnnotations.Ingress] = "1k";
        Assert.Equal(new Bandwidth(1_000, 1_000_000, 1_000_000_000_000_000, uint.MaxValue), PodCapabilities.From(config).Bandwidth);
    }

    [Theory]
    [InlineData("999")]
    [InlineData("2P")]
    [InlineData("fast")]
    [InlineData("")]
    public void RateOutOfRange_IsRefusedByItsAnnotation(string rate)
    {
        var config = new PodSandboxConfig();
        config.Annotations.Add(BandwidthAnnotations.Egress, rate);

        var error = Assert.Throws<CriException>(() => PodCapabilities.From(config));

        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        Assert.Contains("kubernetes.io/egress-bandwidth", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DnsCgroupAndAnnotations_AreTold()
    {
        var config = new PodSandboxConfig
        {
            DnsConfig = new DNSConfig { Servers = { "10.96.0.10" }, Searches = { "svc.cluster.local" }, Options = { "ndots:5" } },
            Linux = new LinuxPodSandboxConfig { CgroupParent = "/kubepods/pod1" },
        };
        config.Annotations.Add("a", "b");

        var told = PodCapabilities.From(config);

        Assert.Equal(["10.96.0.10"], told.Dns!.Servers);
        Assert.Equal(["svc.cluster.local"], told.Dns.Searches);
        Assert.Equal(["ndots:5"], told.Dns.Options);
        Assert.Equal("/kubepods/pod1", told.CgroupPath);
        Assert.Equal("b", told.PodAnnotations!["a"]);
    }
}
