using System.Buffers.Binary;
using System.Net;

namespace Crisp.Linux;

/// <summary>An address on a link whose Ethernet address somebody has set, so that nobody is asked for it (arp(7), NUD_PERMANENT).</summary>
/// <param name="Link">The interface's index.</param>
public sealed record PermanentNeighbour(int Link, IPAddress Address, MacAddress Mac);

public sealed partial class RouteSocket
{
    /// <summary>struct ndmsg: family, index at 4, state at 8, flags at 10, type at 11.</summary>
    private const int NeighbourMessageSize = 12;

    private const ushort NewNeighbour = 28;
    private const ushort NudPermanent = 0x80;
    private const ushort NdaDst = 1;
    private const ushort NdaLladdr = 2;

    /// <summary>Those of every interface and of both families.</summary>
    public IReadOnlyList<PermanentNeighbour> PermanentNeighbours()
    {
        const ushort GetNeighbour = 30;
        return _socket.Dump(GetNeighbour, new byte[NeighbourMessageSize], NewNeighbour, "RTM_GETNEIGH", ParseNeighbour);
    }

    /// <summary>RTM_NEWNEIGH. EEXIST when the address is known already.</summary>
    public void Add(PermanentNeighbour neighbour)
    {
        var header = new byte[NeighbourMessageSize];
        header[0] = FamilyNumber(neighbour.Address.AddressFamily);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), neighbour.Link);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), NudPermanent);
        _socket.Do(NewNeighbour, NlmFCreateExclusive, header, $"RTM_NEWNEIGH of {neighbour.Address}", request => request
            .Add(NdaDst, neighbour.Address)
            .Add(NdaLladdr, neighbour.Mac.ToBytes()));
    }

    private static PermanentNeighbour? ParseNeighbour(ReadOnlySpan<byte> message)
    {
        IPAddress? address = null;
        MacAddress? mac = null;
        var attributes = new NetlinkAttributes(message[NeighbourMessageSize..]);
        while (Family(message[0]) is not null && attributes.Next())
        {
            address = attributes.Type == NdaDst ? attributes.Address : address;
            mac = attributes.Type == NdaLladdr && attributes.Value.Length == MacAddress.Size ? new MacAddress(attributes.Value) : mac;
        }

        var isPermanent = BinaryPrimitives.ReadUInt16LittleEndian(message[8..]) == NudPermanent;
        return isPermanent && address is not null && mac is { } known ? new PermanentNeighbour((int)UInt32(message, 4), address, known) : null;
    }
}
