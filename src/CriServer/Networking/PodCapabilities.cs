using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Network;
using PortMapping = Crisp.Network.PortMapping;

namespace Crisp.CriServer.Networking;

/// <summary>What plugins can be told of a pod, from the request that makes it.</summary>
internal static class PodCapabilities
{
    private const int LastPort = 65535;

    /// <exception cref="CriException">A port, an address or a rate in the request makes no sense.</exception>
    public static CapabilityArguments From(PodSandboxConfig config)
    {
        var ports = config.PortMappings.Where(p => p.HostPort != 0).Select(Port).ToList();
        return new CapabilityArguments
        {
            PortMappings = ports.Count > 0 ? ports : null,
            Bandwidth = BandwidthAnnotations.Read(config.Annotations),
            Dns = config.DnsConfig is { } dns ? new DnsArguments([.. dns.Servers], [.. dns.Searches], [.. dns.Options]) : null,
            CgroupPath = config.Linux?.CgroupParent is { Length: > 0 } parent ? parent : null,
            PodAnnotations = config.Annotations.Count > 0 ? config.Annotations.ToDictionary() : null,
        };
    }

    private static PortMapping Port(Cri.V1.PortMapping port)
    {
        if (port.HostPort is < 1 or > LastPort || port.ContainerPort is < 1 or > LastPort)
        {
            throw CriException.Invalid($"The port mapping from {port.HostPort} to {port.ContainerPort} needs ports from 1 to {LastPort}.");
        }

        if (port.HostIp.Length > 0 && !CniAddress.TryParseAddress(port.HostIp, out _))
        {
            throw CriException.Invalid($"The port mapping of {port.HostPort} has the host_ip \"{port.HostIp}\", which is no address.");
        }

        return new PortMapping(port.HostPort, port.ContainerPort, ProtocolName(port.Protocol), port.HostIp);
    }

    private static string ProtocolName(Protocol protocol) => protocol switch
    {
        Protocol.Tcp => "tcp",
        Protocol.Udp => "udp",
        Protocol.Sctp => "sctp",
        _ => throw CriException.Invalid($"A port mapping has the protocol {protocol}; there are TCP, UDP and SCTP."),
    };
}
