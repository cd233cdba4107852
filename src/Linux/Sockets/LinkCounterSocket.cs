using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Crisp.Linux;

/// <summary>
/// The counters of a network namespace's interfaces, by rtnetlink(7). The socket belongs to the namespace in which it was
/// made, so that to read costs two system calls and no thread has to enter the namespace again.
/// </summary>
/// <remarks>The namespace lives at least as long as this object: dispose it when the pod stops. Not for two threads at once.</remarks>
public sealed class LinkCounterSocket : IDisposable
{
    private const int NetlinkRoute = 0;
    private const int HeaderSize = 16;
    private const int LinkMessageSize = 16;
    private const ushort NewLink = 16;
    private const ushort GetLink = 18;
    private readonly FileDescriptor _socket;
    private uint _sequence;

    private LinkCounterSocket(FileDescriptor socket) => _socket = socket;

    /// <summary>Makes the socket in the namespace, on a thread that ends afterwards: no other thread ever leaves its own.</summary>
    public static LinkCounterSocket Open(FileDescriptor networkNamespace)
        => new(NamespaceSocket.Within(networkNamespace, () => Sockets.CreateNetlink(NetlinkRoute)));

    /// <summary>Every interface, in the kernel's order.</summary>
    public IReadOnlyList<LinkCounters> Read()
    {
        var sequence = ++_sequence;
        Files.WriteAll(_socket, Request(sequence));
        var links = new List<LinkCounters>();
        var buffer = ArrayPool<byte>.Shared.Rent(32 << 10);
        try
        {
            while (!Take(buffer.AsSpan(0, Files.Read(_socket, buffer)), sequence, links))
            {
                // A dump of many interfaces comes in several datagrams, the last of which says that it is.
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return links;
    }

    public void Dispose() => _socket.Dispose();

    // struct nlmsghdr (length, type, flags, sequence, port), then struct ifinfomsg, all zero: every interface.
    private static byte[] Request(uint sequence)
    {
        const ushort NlmFRequest = 1;
        const ushort NlmFDump = 0x300;
        var request = new byte[HeaderSize + LinkMessageSize];
        BinaryPrimitives.WriteUInt32LittleEndian(request, (uint)request.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(4), GetLink);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(6), NlmFRequest | NlmFDump);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(8), sequence);
        return request;
    }

    /// <returns>Whether the answer to this request is complete.</returns>
    private static bool Take(ReadOnlySpan<byte> datagram, uint sequence, List<LinkCounters> links)
    {
        const ushort NlmsgError = 2;
        const ushort NlmsgDone = 3;
        while (datagram.Length >= HeaderSize)
        {
            var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(datagram);
            var type = BinaryPrimitives.ReadUInt16LittleEndian(datagram[4..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(datagram[8..]) == sequence)
            {
                switch (type)
                {
                    case NlmsgDone:
                        return true;
                    case NlmsgError:
                        throw new LinuxException("rtnetlink", (Errno)(-BinaryPrimitives.ReadInt32LittleEndian(datagram[HeaderSize..])), "RTM_GETLINK");
                    case NewLink:
                        links.Add(Parse(datagram[HeaderSize..length]));
                        break;
                }
            }

            datagram = datagram[Math.Min(Align(length), datagram.Length)..];
        }

        return false;
    }

    private static LinkCounters Parse(ReadOnlySpan<byte> message)
    {
        const ushort IflaIfname = 3;
        const ushort IflaStats64 = 23;
        const uint IffLoopback = 8;
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(message[8..]);
        var name = "";
        ReadOnlySpan<byte> stats = stackalloc byte[8 * sizeof(ulong)];
        for (var rest = message[LinkMessageSize..]; rest.Length >= 4;)
        {
            // struct rtattr: length with this header, type.
            var length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            var value = rest[4..length];
            switch (BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]))
            {
                case IflaIfname:
                    name = Encoding.UTF8.GetString(value[..value.IndexOf((byte)0)]);
                    break;
                case IflaStats64:
                    stats = value;
                    break;
            }

            rest = rest[Math.Min(Align(length), rest.Length)..];
        }

        // struct rtnl_link_stats64: packets, bytes, errors, dropped; of each received first, then sent.
        return new LinkCounters
        {
            Name = name,
            IsLoopback = (flags & IffLoopback) != 0,
            ReceivedPackets = At(stats, 0),
            SentPackets = At(stats, 1),
            ReceivedBytes = At(stats, 2),
            SentBytes = At(stats, 3),
            ReceiveErrors = At(stats, 4),
            SendErrors = At(stats, 5),
            ReceiveDropped = At(stats, 6),
            SendDropped = At(stats, 7),
        };
    }

    private static ulong At(ReadOnlySpan<byte> stats, int index) => BinaryPrimitives.ReadUInt64LittleEndian(stats[(index * sizeof(ulong))..]);

    private static int Align(int length) => (length + 3) & ~3;
}
