using System.Buffers;
using System.Buffers.Binary;

namespace Crisp.Linux;

/// <summary>Reads one message, without its struct nlmsghdr.</summary>
/// <returns>Null for what is not wanted.</returns>
internal delegate T? NetlinkParser<out T>(ReadOnlySpan<byte> message)
    where T : class;

/// <summary>
/// A socket of rtnetlink(7). It belongs to the network namespace in which it was made, so that no thread has to enter the
/// namespace again.
/// </summary>
/// <remarks>Not for two threads at once.</remarks>
internal sealed class NetlinkSocket : IDisposable
{
    private const ushort NlmFAck = 4;
    private const ushort NlmFDump = 0x300;
    private readonly FileDescriptor _socket;
    private uint _sequence;

    private NetlinkSocket(FileDescriptor socket) => _socket = socket;

    /// <summary>Makes the socket in the namespace, on a thread that ends afterwards.</summary>
    /// <param name="networkNamespace">Null: the calling thread's own.</param>
    internal static NetlinkSocket Open(FileDescriptor? networkNamespace)
    {
        const int NetlinkRoute = 0;
        return new(networkNamespace is null ? Sockets.CreateNetlink(NetlinkRoute)
            : NamespaceSocket.Within(networkNamespace, () => Sockets.CreateNetlink(NetlinkRoute)));
    }

    /// <summary>Everything of a kind.</summary>
    /// <param name="type">RTM_GET*.</param>
    /// <param name="header">The family's structure; all zero for everything.</param>
    /// <param name="answers">RTM_NEW*, the messages to read.</param>
    /// <param name="mayBeTorn">Whether a list that goes on changing is better than none: counters are.</param>
    /// <exception cref="NetlinkException">The kernel refused; or, with EAGAIN, the list changed each time while it was read.</exception>
    internal List<T> Dump<T>(ushort type, ReadOnlySpan<byte> header, ushort answers, string name, NetlinkParser<T> parse, bool mayBeTorn = false)
        where T : class
    {
        const int Tries = 8;
        var request = new NetlinkRequest(type, NlmFDump, header);
        for (var i = 1; ; i++)
        {
            // What changes while it is read would be missing, or there twice.
            var found = new List<T>();
            if (Ask(request, answers, name, parse, found) || (i == Tries && mayBeTorn))
            {
                return found;
            }

            if (i == Tries)
            {
                throw new NetlinkException(name, Errno.EAGAIN, $"it changed each of {Tries} times while it was read");
            }
        }
    }

    /// <summary>Carries out a change, and waits until the kernel says that it is done.</summary>
    /// <param name="flags">NLM_F_*.</param>
    /// <param name="name">For errors.</param>
    internal void Do(ushort type, ushort flags, ReadOnlySpan<byte> header, string name, Action<NetlinkRequest> addAttributes)
    {
        var request = new NetlinkRequest(type, (ushort)(flags | NlmFAck), header);
        addAttributes(request);
        Ask<object>(request, 0, name, _ => null, []);
    }

    public void Dispose() => _socket.Dispose();

    /// <returns>Whether nothing changed meanwhile.</returns>
    private bool Ask<T>(NetlinkRequest request, ushort answers, string name, NetlinkParser<T> parse, List<T> found)
        where T : class
    {
        var sequence = ++_sequence;
        Files.WriteAll(_socket, request.ToBytes(sequence));
        var isConsistent = true;
        var buffer = ArrayPool<byte>.Shared.Rent(32 << 10);
        try
        {
            // A dump of many objects comes in several datagrams, the last of which says that it is.
            while (!Take(buffer.AsSpan(0, Files.Read(_socket, buffer)), sequence, answers, name, parse, found, ref isConsistent))
            {
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return isConsistent;
    }

    /// <returns>Whether the answer to this request is complete.</returns>
    private static bool Take<T>(
        ReadOnlySpan<byte> datagram, uint sequence, ushort answers, string name, NetlinkParser<T> parse, List<T> found, ref bool isConsistent)
        where T : class
    {
        const ushort NlmsgError = 2;
        const ushort NlmsgDone = 3;
        const ushort NlmFDumpIntr = 0x10;
        while (datagram.Length >= NetlinkRequest.HeaderSize)
        {
            var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(datagram);
            var type = BinaryPrimitives.ReadUInt16LittleEndian(datagram[4..]);
            var flags = BinaryPrimitives.ReadUInt16LittleEndian(datagram[6..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(datagram[8..]) == sequence)
            {
                isConsistent &= (flags & NlmFDumpIntr) == 0;
                var message = datagram[NetlinkRequest.HeaderSize..length];
                if (type is NlmsgError or NlmsgDone)
                {
                    // struct nlmsgerr with no more than the header of what was asked (NETLINK_CAP_ACK); at a dump's end the number alone.
                    ThrowIfError(message, type == NlmsgError ? sizeof(int) + NetlinkRequest.HeaderSize : sizeof(int), flags, name);
                    return true;
                }

                if (type == answers && parse(message) is { } one)
                {
                    found.Add(one);
                }
            }

            datagram = datagram[Math.Min(NetlinkRequest.Align(length), datagram.Length)..];
        }

        return false;
    }

    /// <param name="words">Where the kernel's words begin, if it has some.</param>
    private static void ThrowIfError(ReadOnlySpan<byte> message, int words, ushort flags, string name)
    {
        const ushort NlmFAckTlvs = 0x200;
        const ushort NlmsgerrAttrMsg = 1;
        var errno = (Errno)(-BinaryPrimitives.ReadInt32LittleEndian(message));
        if (errno == Errno.None)
        {
            return;
        }

        var attributes = new NetlinkAttributes((flags & NlmFAckTlvs) != 0 ? message[words..] : []);
        string? reason = null;
        while (attributes.Next())
        {
            reason = attributes.Type == NlmsgerrAttrMsg ? attributes.Text : reason;
        }

        throw new NetlinkException(name, errno, reason);
    }
}
