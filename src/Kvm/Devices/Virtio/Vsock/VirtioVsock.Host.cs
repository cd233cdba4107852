using System.Globalization;
using System.Text;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Vsock;

internal sealed partial class VirtioVsock
{
    private const int MostClients = 64;
    private const int MostOfLine = 32;

    // Above the ports that programs listen at.
    private const uint FirstHostPort = 1 << 30;

    private readonly List<Client> _clients = [];
    private uint _nextHostPort = FirstHostPort;

    /// <summary>Programs that have connected and not yet said where to.</summary>
    private void AcceptClients()
    {
        while (Sockets.Accept(_listener!, nonBlocking: true) is { } socket)
        {
            if (_clients.Count == MostClients || _connections.Count == MostConnections)
            {
                socket.Dispose();
                continue;
            }

            var client = new Client(socket);
            _clients.Add(client);
            client.Watch = _host!.Watch(socket, EpollEvents.In, _ => ReadLine(client));
        }
    }

    private void ReadLine(Client client)
    {
        // Byte by byte: what comes after the line is the guest's.
        Span<byte> next = stackalloc byte[1];
        while (client.Line.Length < MostOfLine)
        {
            var count = Files.TryRead(client.Socket, next, out var errno);
            if (errno == Errno.EAGAIN)
            {
                return;
            }

            if (count <= 0)
            {
                break;
            }

            if (next[0] == '\n')
            {
                Forward(client);
                return;
            }

            client.Line.Append((char)next[0]);
        }

        Drop(client);
    }

    private void Forward(Client client)
    {
        const string Command = "CONNECT ";
        var line = client.Line.ToString();
        if (!line.StartsWith(Command, StringComparison.Ordinal)
            || !uint.TryParse(line[Command.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            Drop(client);
            return;
        }

        _host!.Unwatch(client.Watch, client.Socket);
        _clients.Remove(client);
        var connection = new VsockConnection(new VsockKey(port, FreeHostPort(port)), client.Socket) { Due = VsockOperation.Request };
        _connections.Add(connection.Key, connection);
        Settle(connection);
        Work();
    }

    private uint FreeHostPort(uint guestPort)
    {
        // There are far more ports than connections, so this ends soon.
        while (_connections.ContainsKey(new VsockKey(guestPort, _nextHostPort)))
        {
            _nextHostPort = Math.Max(FirstHostPort, _nextHostPort + 1);
        }

        var port = _nextHostPort;
        _nextHostPort = Math.Max(FirstHostPort, _nextHostPort + 1);
        return port;
    }

    private void Drop(Client client)
    {
        _host!.Unwatch(client.Watch, client.Socket);
        _clients.Remove(client);
        client.Socket.Dispose();
    }

    private sealed class Client(FileDescriptor socket)
    {
        public FileDescriptor Socket { get; } = socket;

        public StringBuilder Line { get; } = new();

        public ulong Watch { get; set; }
    }
}
