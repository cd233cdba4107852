using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>Takes descriptors until the client shuts down its side, and stores them under the connection's token.</summary>
internal sealed class DescriptorConnection : IEventHandler
{
    private readonly Connection _connection;
    private readonly Guid _token;
    private readonly DescriptorStore _store;
    private readonly List<FileDescriptor> _received = [];
    private readonly LoopTimer _deadline;

    /// <param name="token">Reserved in the store.</param>
    public DescriptorConnection(Connection connection, Guid token, DescriptorStore store)
    {
        _connection = connection;
        _token = token;
        _store = store;
        connection.Watch.Handler = this;
        _deadline = connection.Loop.After(DescriptorStore.Lifetime, Drop);
    }

    public void OnReady(EpollEvents events)
    {
        try
        {
            Span<byte> data = stackalloc byte[64];
            var count = Sockets.ReceiveDescriptors(_connection.Socket, data, _received);
            if (_received.Count > DescriptorStore.MaxInSet)
            {
                Diagnostics.Say($"A descriptor connection was closed: it sent more than {DescriptorStore.MaxInSet}.");
                Drop();
            }
            else if (count == 0)
            {
                Finish();
            }
        }
        catch (LinuxException e)
        {
            Diagnostics.Say($"A descriptor connection was closed: {e.Message}");
            Drop();
        }
    }

    private void Finish()
    {
        _deadline.Cancel();
        _store.Add(_token, [.. _received]);
        _received.Clear();
        _connection.Say(Protocol.Preface.Taken);
        _connection.Close();
    }

    private void Drop()
    {
        _deadline.Cancel();
        _store.Release(_token);
        _received.ForEach(static d => d.Dispose());
        _received.Clear();
        _connection.Close();
    }
}
