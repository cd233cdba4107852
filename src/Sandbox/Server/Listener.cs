using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>Takes connections from a listening socket, and keeps their number within bounds.</summary>
internal sealed class Listener : IEventHandler, IDisposable
{
    /// <summary>Each exec in flight has up to three; a client that needs more waits for one to end.</summary>
    internal const int MaxConnections = 768;

    private readonly EventLoop _loop;
    private readonly FileDescriptor _socket;
    private readonly Func<FileDescriptor, (FileDescriptor Socket, bool IsAllowed)?> _accept;
    private readonly Watch _watch;
    private readonly SandboxService _service;
    private int _count;

    /// <param name="socket">Does not block; closed with this.</param>
    /// <param name="accept">accept(2), and whether the caller may call. A socket that may not is closed.</param>
    public Listener(EventLoop loop, FileDescriptor socket, Func<FileDescriptor, (FileDescriptor Socket, bool IsAllowed)?> accept, SandboxService service)
    {
        _loop = loop;
        _service = service;
        _socket = socket;
        _accept = accept;
        _watch = loop.Watch(_socket, EpollEvents.In, this);
    }

    /// <summary>sandbox.sock.</summary>
    /// <param name="path">At most 107 bytes; it must not exist.</param>
    public static Listener Open(EventLoop loop, string path, SandboxService service)
        => new(loop, Sockets.Listen(path, nonBlocking: true), AcceptRoot, service);

    public void OnReady(EpollEvents events)
    {
        while (Accept() is { } caller)
        {
            if (_count >= MaxConnections || !caller.IsAllowed)
            {
                caller.Socket.Dispose();
                continue;
            }

            _count++;
            _ = new Connection(_loop, caller.Socket, _service, () => _count--);
        }
    }

    public void Dispose()
    {
        _watch.Dispose();
        _socket.Dispose();
    }

    // Whoever may open the socket file is root, unless somebody was careless with a directory.
    private static (FileDescriptor Socket, bool IsAllowed)? AcceptRoot(FileDescriptor listener)
        => Sockets.Accept(listener, nonBlocking: true) is { } socket
            ? (socket, Sockets.GetPeerCredentials(socket).Uid == Linux.Processes.EffectiveUid)
            : null;

    private (FileDescriptor Socket, bool IsAllowed)? Accept()
    {
        try
        {
            return _accept(_socket);
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
