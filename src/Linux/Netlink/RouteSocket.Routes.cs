using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Crisp.Linux;

/// <summary>RTN_* of linux/rtnetlink.h: what becomes of a packet.</summary>
public enum RouteType : byte
{
    /// <summary>It is sent on.</summary>
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,

    /// <summary>It is dropped in silence.</summary>
    Blackhole = 6,

    /// <summary>It is dropped; its sender hears that the host cannot be reached.</summary>
    Unreachable = 7,

    /// <summary>It is dropped; its sender hears that this is forbidden.</summary>
    Prohibit = 8,
}

/// <summary>A route (rtnetlink(7), struct rtmsg).</summary>
/// <param name="Destination">The subnet; of all zeros for a default route.</param>
/// <param name="Link">The interface's index; 0 for none.</param>
public sealed record Route(IPAddress Destination, int PrefixLength, int Link)
{
    /// <summary>The table that everything looks into.</summary>
    public const uint MainTable = 254;

    public uint Table { get; init; } = MainTable;

    public RouteType Type { get; init; } = RouteType.Unicast;

    public IPAddress? Gateway { get; init; }

    /// <summary>The address that packets are sent from where nobody chose one.</summary>
    public IPAddress? Source { get; init; }

    public RouteScope Scope { get; init; }

    /// <summary>RTPROT_*: who made it. 2 is the kernel; 3 whoever set it up by hand.</summary>
    public byte Protocol { get; init; } = 3;

    /// <summary>The least one is taken.</summary>
    public uint Metric { get; init; }

    /// <summary>The gateway is taken to be on the link although no route says so.</summary>
    public bool IsOnLink { get; init; }

    /// <summary>Bytes; 0: the interface's.</summary>
    public uint Mtu { get; init; }

    /// <summary>More than this record can say: several next hops, a gateway of the other family, an encapsulation.</summary>
    public bool HasMore { get; init; }

    public bool IsOfKernel => Protocol == 2;

    /// <summary>As ip-route(8) writes it.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Destination}/{PrefixLength}{(Gateway is null ? "" : $" via {Gateway}")}{(Metric == 0 ? "" : $" metric {Metric}")}");
}

public sealed partial class RouteSocket
{
    /// <summary>struct rtmsg: family, destination's and source's prefix lengths, tos, table, protocol, scope, type, flags at 8.</summary>
    private const int RouteMessageSize = 12;

    private const ushort NewRoute = 24;
    private const uint RtnhFOnlink = 4;

    private const ushort RtaDst = 1;
    private const ushort RtaOif = 4;
    private const ushort RtaGateway = 5;
    private const ushort RtaPriority = 6;
    private const ushort RtaPrefsrc = 7;
    private const ushort RtaMetrics = 8;
    private const ushort RtaTable = 15;
    private const ushort RtaxMtu = 2;

    /// <summary>The routes of every table and of both families.</summary>
    public IReadOnlyList<Route> Routes()
    {
        const ushort GetRoute = 26;
        return _socket.Dump(GetRoute, new byte[RouteMessageSize], NewRoute, "RTM_GETROUTE", ParseRoute);
    }

    /// <summary>RTM_NEWROUTE. EEXIST when there is one to the same destination with the same metric.</summary>
    public void Add(Route route)
    {
        var header = new byte[RouteMessageSize];
        header[0] = FamilyNumber(route.Destination.AddressFamily);
        header[1] = (byte)route.PrefixLength;
        header[4] = route.Table <= byte.MaxValue ? (byte)route.Table : (byte)0;
        header[5] = route.Protocol;
        header[6] = (byte)route.Scope;
        header[7] = (byte)route.Type;
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), route.IsOnLink ? RtnhFOnlink : 0);
        _socket.Do(NewRoute, NlmFCreateExclusive, header, $"RTM_NEWROUTE of {route}", request =>
        {
            request
                .Add(RtaDst, route.Destination)
                .Add(RtaTable, route.Table)
                .Add(RtaGateway, route.Gateway)
                .Add(RtaPrefsrc, route.Source)
                .Add(RtaPriority, route.Metric);
            if (route.Link != 0)
            {
                request.Add(RtaOif, (uint)route.Link);
            }

            if (route.Mtu != 0)
            {
                request.Nest(RtaMetrics, metrics => metrics.Add(RtaxMtu, route.Mtu));
            }
        });
    }

    /// <summary>Rules that choose tables (ip-rule(8)) beside those that every namespace has.</summary>
    public int CountOfOwnRules()
    {
        const ushort GetRule = 34;
        const ushort NewRule = 32;
        const ushort FraPriority = 6;
        const uint Main = 32766;
        const uint Default = 32767;
        return _socket.Dump(GetRule, new byte[RouteMessageSize], NewRule, "RTM_GETRULE", message =>
        {
            // struct fib_rule_hdr is laid out as struct rtmsg is. The rule of the table "local" has no priority: 0.
            var priority = 0u;
            var attributes = new NetlinkAttributes(message[RouteMessageSize..]);
            while (attributes.Next())
            {
                priority = attributes.Type == FraPriority ? attributes.UInt32 : priority;
            }

            return Family(message[0]) is not null && priority is not (0 or Main or Default) ? message.ToArray() : null;
        }).Count;
    }

    private static Route? ParseRoute(ReadOnlySpan<byte> message)
    {
        const uint RtmFCloned = 0x200;
        const ushort RtaMultipath = 9;
        const ushort RtaVia = 18;
        const ushort RtaEncap = 22;
        const ushort RtaNhId = 30;
        var flags = UInt32(message, 8);
        if (Family(message[0]) is not { } family || (flags & RtmFCloned) != 0)
        {
            return null;
        }

        var any = family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
        var route = new Route(any, message[1], 0)
        {
            Table = message[4],
            Protocol = message[5],
            Scope = (RouteScope)message[6],
            Type = (RouteType)message[7],
            IsOnLink = (flags & RtnhFOnlink) != 0,
        };
        var attributes = new NetlinkAttributes(message[RouteMessageSize..]);
        while (attributes.Next())
        {
            route = attributes.Type switch
            {
                RtaDst => route with { Destination = attributes.Address },
                RtaOif => route with { Link = (int)attributes.UInt32 },
                RtaGateway => route with { Gateway = attributes.Address },
                RtaPriority => route with { Metric = attributes.UInt32 },
                RtaPrefsrc => route with { Source = attributes.Address },
                RtaTable => route with { Table = attributes.UInt32 },
                RtaMetrics => route with { Mtu = MtuOf(attributes.Value) },
                RtaMultipath or RtaVia or RtaEncap or RtaNhId => route with { HasMore = true },
                _ => route,
            };
        }

        return route;
    }

    private static uint MtuOf(ReadOnlySpan<byte> metrics)
    {
        var attributes = new NetlinkAttributes(metrics);
        while (attributes.Next())
        {
            if (attributes.Type == RtaxMtu)
            {
                return attributes.UInt32;
            }
        }

        return 0;
    }
}
