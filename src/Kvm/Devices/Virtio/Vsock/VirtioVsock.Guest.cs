using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Vsock;

internal sealed partial class VirtioVsock
{
    /// <summary>One packet of the guest's.</summary>
    private void Receive(DescriptorChain chain)
    {
        Span<byte> bytes = stackalloc byte[VsockHeader.Size];
        if (chain.Read(bytes) < bytes.Length)
        {
            throw new VirtioException("A packet has no whole header.");
        }

        var header = VsockHeader.Parse(bytes);
        if (header.Length > chain.Readable)
        {
            throw new VirtioException($"A packet of {header.Length} bytes has {chain.Readable}.");
        }

        // What is not between this guest and the host is nobody's.
        if (header.SourceCid != _guestCid || header.TargetCid != HostCid)
        {
            return;
        }

        var key = new VsockKey(header.SourcePort, header.TargetPort);
        if (header.Type == VsockHeader.Stream && _connections.TryGetValue(key, out var connection))
        {
            connection.Learn(header);
            Handle(connection, header, chain);
        }
        else if (header.Type == VsockHeader.Stream && header.Operation == VsockOperation.Request && _connections.Count < MostConnections)
        {
            Connect(key, header);
        }
        else if (header.Operation != VsockOperation.Reset)
        {
            _refusals.Enqueue(key);
        }
    }

    private void Connect(VsockKey key, VsockHeader header)
    {
        if (_path is null)
        {
            _refusals.Enqueue(key);
            return;
        }

        FileDescriptor socket;
        try
        {
            socket = Sockets.Connect($"{_seenAs}_{key.HostPort}", nonBlocking: true);
        }
        catch (LinuxException)
        {
            // Nobody listens there, or not fast enough: the guest's connect fails, as it would anywhere.
            _refusals.Enqueue(key);
            return;
        }

        var connection = new VsockConnection(key, socket) { IsEstablished = true, Due = VsockOperation.Response };
        connection.Learn(header);
        _connections.Add(key, connection);
        Settle(connection);
    }

    private void Handle(VsockConnection connection, VsockHeader header, DescriptorChain chain)
    {
        if (connection.Due == VsockOperation.Reset && header.Operation != VsockOperation.Reset)
        {
            // It is over, and the guest will hear of it.
            return;
        }

        var isAsExpected = header.Operation switch
        {
            VsockOperation.Response => Establish(connection),
            VsockOperation.ReadWrite => connection.IsEstablished && (connection.GuestShutdown & VsockShutdown.Send) == 0 && connection.Accept(chain, header.Length),
            VsockOperation.Shutdown => connection.IsEstablished,
            VsockOperation.CreditUpdate or VsockOperation.CreditRequest => true,
            VsockOperation.Reset => true,
            _ => false,
        };
        switch (header.Operation)
        {
            case VsockOperation.Reset:
                Close(connection);
                return;
            case VsockOperation.Shutdown:
                connection.GuestShutdown |= (VsockShutdown)header.Flags & VsockShutdown.Both;
                break;
            case VsockOperation.CreditRequest:
                connection.IsCreditDue = true;
                break;
        }

        if (!isAsExpected)
        {
            connection.Due = VsockOperation.Reset;
        }

        Settle(connection);
    }

    /// <returns>False when the guest answers what was not asked.</returns>
    private static bool Establish(VsockConnection connection)
    {
        if (connection.IsEstablished || connection.Due is not null)
        {
            return false;
        }

        connection.IsEstablished = true;
        if (connection.IsDirect)
        {
            return true;
        }

        // A new socket's buffer is empty, so these few bytes fit.
        return Files.TryWrite(connection.Socket, System.Text.Encoding.ASCII.GetBytes($"OK {connection.Key.HostPort}\n"), out _) > 0;
    }
}
