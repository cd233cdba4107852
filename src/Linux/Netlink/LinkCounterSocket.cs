using System.Buffers.Binary;

namespace Crisp.Linux;

/// <summary>
/// The counters of a network namespace's interfaces, by rtnetlink(7). To read costs two system calls, and no thread has to enter
/// the namespace.
/// </summary>
/// <remarks>The namespace lives at least as long as this object: dispose it when the pod stops. Not for two threads at once.</remarks>
public sealed class LinkCounterSocket : IDisposable
{
    private readonly NetlinkSocket _socket;

    private LinkCounterSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Makes the socket in the namespace, on a thread that ends afterwards: no other thread ever leaves its own.</summary>
    public static LinkCounterSocket Open(FileDescriptor networkNamespace) => new(NetlinkSocket.Open(networkNamespace));

    /// <summary>Every interface, in the kernel's order.</summary>
    public IReadOnlyList<LinkCounters> Read()
        => _socket.Dump(RouteSocket.GetLink, new byte[RouteSocket.LinkMessageSize], RouteSocket.NewLink, "RTM_GETLINK", Parse, mayBeTorn: true);

    public void Dispose() => _socket.Dispose();

    private static LinkCounters Parse(ReadOnlySpan<byte> message)
    {
        const ushort IflaIfname = 3;
        const ushort IflaStats64 = 23;
        const uint IffLoopback = 8;
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(message[8..]);
        var name = "";
        ReadOnlySpan<byte> stats = stackalloc byte[8 * sizeof(ulong)];
        var attributes = new NetlinkAttributes(message[RouteSocket.LinkMessageSize..]);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case IflaIfname:
                    name = attributes.Text;
                    break;
                case IflaStats64:
                    stats = attributes.Value;
                    break;
            }
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
}
