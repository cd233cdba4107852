using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>sandbox.sock: takes connections and keeps their number within bounds.</summary>
internal sealed class Listener : IEventHandler, IDisposable
{
    /// <summary>Each exec in flight has up to three; a client that needs more waits for one to end.</summary>
    internal const int MaxConnections = 768;

    private readonly EventLoop _loop;
    private readonly FileDescriptor _socket;
    private readonly Watch _watch;
    private readonly SandboxService _service;
    private int _count;

    /// <param name="path">At most 107 bytes; it must not exist.</param>
    public Listener(EventLoop loop, string path, SandboxService service)
    {
        _loop = loop;
        _service = service;
        _socket = Sockets.Listen(path, nonBlocking: true);
        _watch = loop.Watch(_socket, EpollEvents.In, this);
    }

    public void OnReady(EpollEvents events)
    {
        while (Accept() is { } socket)
        {
            // Whoever may open the socket file is root, unless somebody was careless with a directory.
            if (_count >= MaxConnections || Sockets.GetPeerCredentials(socket).Uid != Linux.Processes.EffectiveUid)
            {
                socket.Dispose();
                continue;
            }

            _count++;
            _ = new Connection(_loop, socket, _service, () => _count--);
        }
    }

    public void Dispose()
    {
        _watch.Dispose();
        _socket.Dispose();
    }

    private FileDescriptor? Accept()
    {
        try
        {
            return Sockets.Accept(_socket, nonBlocking: true);
        }
        catch (LinuxException e) when (e.Errno is Errno.EMFILE or Errno.ENFILE or Errno.ENOBUFS or Errno.ENOMEM)
        {
            // The caller stays in the backlog. To look again at once would only burn the processor.
            Diagnostics.Say($"A connection must wait: {e.Message}");
            _watch.Change(EpollEvents.None);
            _loop.After(TimeSpan.FromSeconds(1), () => _watch.Change(EpollEvents.In));
            return null;
        }
    }
}
