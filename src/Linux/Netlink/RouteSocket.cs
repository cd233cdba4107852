using System.Buffers.Binary;
using System.Net.Sockets;

namespace Crisp.Linux;

/// <summary>
/// The interfaces, addresses, routes, neighbours and traffic control of a network namespace, by rtnetlink(7). The socket belongs
/// to the namespace in which it was made, so that no thread has to enter the namespace.
/// </summary>
/// <remarks>Refusals are <see cref="NetlinkException"/>. Not for two threads at once.</remarks>
public sealed partial class RouteSocket : IDisposable
{
    private const ushort NlmFCreateExclusive = 0x600;

    private readonly NetlinkSocket _socket;

    private RouteSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Makes the socket in the namespace, on a thread that ends afterwards.</summary>
    public static RouteSocket Open(FileDescriptor networkNamespace) => new(NetlinkSocket.Open(networkNamespace));

    /// <summary>A socket in the network namespace of the calling thread.</summary>
    public static RouteSocket OpenOwn() => new(NetlinkSocket.Open(null));

    public void Dispose() => _socket.Dispose();

    private static byte FamilyNumber(AddressFamily family)
    {
        const byte AfInet = 2;
        const byte AfInet6 = 10;
        return family == AddressFamily.InterNetworkV6 ? AfInet6 : AfInet;
    }

    /// <summary>Null for families that have no IP addresses.</summary>
    private static AddressFamily? Family(byte number)
    {
        const byte AfInet = 2;
        const byte AfInet6 = 10;
        return number switch { AfInet => AddressFamily.InterNetwork, AfInet6 => AddressFamily.InterNetworkV6, _ => null };
    }

    private static uint UInt32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
