using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

/// <summary>A connection of which no more is known than that somebody made it: it owes its preface.</summary>
internal sealed class Connection : IEventHandler
{
    private const byte Refused = 1;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);
    private readonly SandboxService _service;
    private readonly Action _closed;
    private readonly Watch _watch;
    private readonly LoopTimer _deadline;
    private readonly byte[] _preface = new byte[Preface.Size];
    private int _length;

    /// <param name="closed">Called once, when the socket is closed, by whoever owns it then.</param>
    public Connection(EventLoop loop, FileDescriptor socket, SandboxService service, Action closed)
    {
        Loop = loop;
        Socket = socket;
        _service = service;
        _closed = closed;
        _watch = loop.Watch(socket, EpollEvents.In, this);
        _deadline = loop.After(_patience, Close);
    }

    public EventLoop Loop { get; }

    public FileDescriptor Socket { get; }

    public Watch Watch => _watch;

    public bool IsClosed { get; private set; }

    public void OnReady(EpollEvents events)
    {
        var count = Files.TryRead(Socket, _preface.AsSpan(_length), out var errno);
        if (count <= 0)
        {
            if (errno != Errno.EAGAIN)
            {
                Close();
            }

            return;
        }

        _length += count;
        if (_length == _preface.Length)
        {
            _deadline.Cancel();
            Take();
        }
    }

    public void Close()
    {
        if (!IsClosed)
        {
            IsClosed = true;
            _deadline.Cancel();
            _watch.Dispose();
            Socket.Dispose();
            _closed();
        }
    }

    /// <summary>One byte that answers a preface, or tells that descriptors have arrived.</summary>
    public void Say(byte answer) => Files.TryWrite(Socket, [answer], out _);

    private void Take()
    {
        try
        {
            var (kind, token) = Preface.Parse(_preface);
            if (_service.Take(this, kind, token))
            {
                // A socket that has carried nothing yet has room for a byte; a peer that is gone is noticed by its watch.
                Say(Preface.Taken);
                return;
            }
        }
        catch (ProtocolException e)
        {
            Diagnostics.Say($"A connection was closed: {e.Message}");
        }

        Say(Refused);
        Close();
    }
}
