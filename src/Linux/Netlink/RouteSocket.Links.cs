using System.Buffers.Binary;

namespace Crisp.Linux;

/// <summary>A network interface (rtnetlink(7), struct ifinfomsg).</summary>
/// <param name="Index">Its number in the namespace, from 1.</param>
/// <param name="Kind">What made it, such as veth, bridge or tun; empty for hardware and the loopback.</param>
/// <param name="Mac">Null for what is no Ethernet interface.</param>
/// <param name="Mtu">Bytes.</param>
public sealed record Link(int Index, string Name, string Kind, bool IsUp, bool IsLoopback, MacAddress? Mac, int Mtu);

/// <summary>What is to change about an interface; null leaves it.</summary>
public sealed record LinkChange
{
    /// <summary>At most 15 bytes. Before Linux 6.2 the interface must be down.</summary>
    public string? Name { get; init; }

    public bool? IsUp { get; init; }

    public MacAddress? Mac { get; init; }

    /// <summary>Bytes.</summary>
    public int? Mtu { get; init; }
}

public sealed partial class RouteSocket
{
    internal const ushort NewLink = 16;
    internal const ushort GetLink = 18;

    /// <summary>struct ifinfomsg: family, type, index at 4, flags at 8, mask of flags to change at 12.</summary>
    internal const int LinkMessageSize = 16;

    /// <summary>Every interface, in the kernel's order.</summary>
    public IReadOnlyList<Link> Links() => _socket.Dump(GetLink, new byte[LinkMessageSize], NewLink, "RTM_GETLINK", ParseLink);

    /// <summary>RTM_NEWLINK of an interface that exists.</summary>
    public void Change(Link link, LinkChange change)
    {
        const uint IffUp = 1;
        const ushort IflaAddress = 1;
        const ushort IflaIfname = 3;
        const ushort IflaMtu = 4;
        var header = LinkMessage(link);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), change.IsUp == true ? IffUp : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), change.IsUp is null ? 0 : IffUp);
        _socket.Do(NewLink, 0, header, $"RTM_NEWLINK of {link.Name}", request =>
        {
            if (change.Name is { } name)
            {
                request.Add(IflaIfname, name);
            }

            if (change.Mac is { } mac)
            {
                request.Add(IflaAddress, mac.ToBytes());
            }

            if (change.Mtu is { } mtu)
            {
                request.Add(IflaMtu, (uint)mtu);
            }
        });
    }

    /// <summary>
    /// No IPv6 address that the kernel makes up when the interface goes up (addrgenmode none of ip-link(8)). Without IPv6 in the kernel
    /// there is nothing to do.
    /// </summary>
    public void WithoutLinkLocalAddress(Link link)
    {
        const ushort IflaAfSpec = 26;
        const ushort AfInet6 = 10;
        const ushort IflaInet6AddrGenMode = 8;
        const byte In6AddrGenModeNone = 1;
        try
        {
            _socket.Do(NewLink, 0, LinkMessage(link), $"RTM_NEWLINK addrgenmode of {link.Name}", request => request
                .Nest(IflaAfSpec, families => families.Nest(AfInet6, inet6 => inet6.Add(IflaInet6AddrGenMode, In6AddrGenModeNone))));
        }
        catch (NetlinkException e) when (e.Errno is Errno.EAFNOSUPPORT or Errno.EOPNOTSUPP)
        {
            // ipv6.disable=1, or no IPv6 at all.
        }
    }

    private static byte[] LinkMessage(Link link)
    {
        var header = new byte[LinkMessageSize];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), link.Index);
        return header;
    }

    private static Link ParseLink(ReadOnlySpan<byte> message)
    {
        const ushort ArphrdEther = 1;
        const uint IffUp = 1;
        const uint IffLoopback = 8;
        const ushort IflaAddress = 1;
        const ushort IflaIfname = 3;
        const ushort IflaMtu = 4;
        const ushort IflaLinkinfo = 18;
        const ushort IflaInfoKind = 1;
        var flags = UInt32(message, 8);
        var isEthernet = BinaryPrimitives.ReadUInt16LittleEndian(message[2..]) == ArphrdEther;
        var link = new Link((int)UInt32(message, 4), "", "", (flags & IffUp) != 0, (flags & IffLoopback) != 0, null, 0);
        var attributes = new NetlinkAttributes(message[LinkMessageSize..]);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case IflaAddress when isEthernet && attributes.Value.Length == MacAddress.Size:
                    link = link with { Mac = new MacAddress(attributes.Value) };
                    break;
                case IflaIfname:
                    link = link with { Name = attributes.Text };
                    break;
                case IflaMtu:
                    link = link with { Mtu = (int)attributes.UInt32 };
                    break;
                case IflaLinkinfo:
                    var info = new NetlinkAttributes(attributes.Value);
                    while (info.Next())
                    {
                        link = info.Type == IflaInfoKind ? link with { Kind = info.Text } : link;
                    }

                    break;
            }
        }

        return link;
    }
}
