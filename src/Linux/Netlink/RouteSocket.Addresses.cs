using System.Buffers.Binary;
using System.Net;

namespace Crisp.Linux;

/// <summary>IFA_F_* of linux/if_addr.h.</summary>
[Flags]
public enum AddressFlags : uint
{
    None = 0,

    /// <summary>Another address of the same subnet came before it.</summary>
    Secondary = 0x01,

    /// <summary>IPv6: in use at once, without asking whether somebody else has it.</summary>
    NoDuplicateDetection = 0x02,

    /// <summary>IPv6: somebody else has it.</summary>
    DuplicateFound = 0x08,

    /// <summary>IPv6: not in use yet, while others are asked whether they have it.</summary>
    Tentative = 0x40,

    /// <summary>Does not expire.</summary>
    Permanent = 0x80,

    /// <summary>IPv6: its subnet has no route of its own because of it.</summary>
    NoPrefixRoute = 0x200,
}

/// <summary>RT_SCOPE_*: how far something reaches.</summary>
public enum RouteScope : byte
{
    Universe = 0,
    Site = 200,
    Link = 253,
    Host = 254,
    Nowhere = 255,
}

/// <summary>An address of an interface (rtnetlink(7), struct ifaddrmsg).</summary>
/// <param name="Link">The interface's index.</param>
public sealed record LinkAddress(int Link, IPAddress Address, int PrefixLength)
{
    /// <summary>The other end's, on a point-to-point interface; the prefix is then about it.</summary>
    public IPAddress? Peer { get; init; }

    public IPAddress? Broadcast { get; init; }

    public RouteScope Scope { get; init; }

    public AddressFlags Flags { get; init; }
}

public sealed partial class RouteSocket
{
    /// <summary>struct ifaddrmsg: family, prefix length, flags, scope, index at 4.</summary>
    private const int AddressMessageSize = 8;

    private const ushort NewAddress = 20;

    private const ushort IfaAddress = 1;
    private const ushort IfaLocal = 2;
    private const ushort IfaBroadcast = 4;
    private const ushort IfaFlags = 8;

    /// <summary>The addresses of every interface, IPv4's first.</summary>
    public IReadOnlyList<LinkAddress> Addresses()
    {
        const ushort GetAddress = 22;
        return _socket.Dump(GetAddress, new byte[AddressMessageSize], NewAddress, "RTM_GETADDR", ParseAddress);
    }

    /// <summary>RTM_NEWADDR. EEXIST when the interface has it.</summary>
    public void Add(LinkAddress address)
    {
        var header = new byte[AddressMessageSize];
        header[0] = FamilyNumber(address.Address.AddressFamily);
        header[1] = (byte)address.PrefixLength;
        header[3] = (byte)address.Scope;
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), address.Link);
        _socket.Do(NewAddress, NlmFCreateExclusive, header, $"RTM_NEWADDR of {address.Address}/{address.PrefixLength}", request => request
            .Add(IfaLocal, address.Address)
            .Add(IfaAddress, address.Peer ?? address.Address)
            .Add(IfaBroadcast, address.Broadcast)
            .Add(IfaFlags, (uint)address.Flags));
    }

    private static LinkAddress? ParseAddress(ReadOnlySpan<byte> message)
    {
        if (Family(message[0]) is null)
        {
            return null;
        }

        IPAddress? local = null, peer = null, broadcast = null;
        var flags = (AddressFlags)message[2];
        var attributes = new NetlinkAttributes(message[AddressMessageSize..]);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case IfaLocal:
                    local = attributes.Address;
                    break;
                case IfaAddress:
                    peer = attributes.Address;
                    break;
                case IfaBroadcast:
                    broadcast = attributes.Address;
                    break;
                case IfaFlags:
                    flags = (AddressFlags)attributes.UInt32;
                    break;
            }
        }

        // IPv6 has IFA_LOCAL only where there is a peer.
        var own = local ?? peer!;
        return new LinkAddress((int)UInt32(message, 4), own, message[1])
        {
            Peer = own.Equals(peer) ? null : peer,
            Broadcast = broadcast,
            Scope = (RouteScope)message[3],
            Flags = flags,
        };
    }
}
