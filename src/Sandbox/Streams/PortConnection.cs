using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Streams;

/// <summary>
/// One connection to a TCP port of this process's own loopback, tried at 127.0.0.1 and then at ::1, and joined to a client's streams.
/// Each direction closes by itself, and what one side does not take is not read from the other.
/// </summary>
internal sealed class PortConnection : IEventHandler
{
    private readonly EventLoop _loop;
    private readonly ushort _port;
    private readonly ClientStreams _client;
    private readonly Action _done;
    private readonly Action<Exception> _failed;
    private readonly LoopTimer _deadline;
    private readonly Queue<bool> _families = new([false, true]);
    private LinuxException? _first;
    private FileDescriptor? _socket;
    private FileDescriptor? _sink;
    private Watch? _watch;

    private PortConnection(EventLoop loop, ushort port, ClientStreams client, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        (_loop, _port, _client, _done, _failed) = (loop, port, client, done, failed);
        _deadline = loop.After(deadline.Remaining, () => Fail("did not accept a connection in time"));
    }

    /// <param name="client">Input and output; closed at the end, or on failure.</param>
    public static void Begin(EventLoop loop, ushort port, ClientStreams client, CallDeadline deadline, Action done, Action<Exception> failed)
        => new PortConnection(loop, port, client, deadline, done, failed).Next();

    public void OnReady(EpollEvents events)
    {
        var error = LoopbackSocket.Result(_socket!);
        if (error == Errno.None)
        {
            _deadline.Cancel();
            _watch!.Dispose();
            Join(_socket!, _sink!);
            _done();
        }
        else
        {
            Close();
            _first ??= new LinuxException("connect", error, $"port {_port}");
            Next();
        }
    }

    private void Next()
    {
        while (_families.TryDequeue(out var isIPv6))
        {
            try
            {
                _socket = LoopbackSocket.BeginConnect(_port, isIPv6);

                // epoll takes each descriptor once.
                _sink = _socket.Duplicate();
                _watch = _loop.Watch(_socket, EpollEvents.Out, this);
                return;
            }
            catch (LinuxException e)
            {
                Close();
                _first ??= e;
            }
        }

        Fail($"cannot be reached: {_first!.Message}");
    }

    private void Join(FileDescriptor socket, FileDescriptor sink)
    {
        _ = new StreamPump(_loop, PumpEnd.Of(_client.Stdin!), new PumpEnd(sink), () =>
        {
            Sockets.TryShutdownWrite(sink);
            sink.Dispose();
            _client.Stdin!.Close();
        });
        _ = new StreamPump(_loop, new PumpEnd(socket), PumpEnd.Of(_client.Stdout!), () =>
        {
            socket.Dispose();
            _client.Stdout!.Close();
        });
    }

    private void Close()
    {
        _watch?.Dispose();
        _socket?.Dispose();
        _sink?.Dispose();
    }

    private void Fail(string what)
    {
        _deadline.Cancel();
        Close();
        _client.Close();
        _failed(new SandboxException(RpcCode.Unavailable, $"The port {_port} of the pod {what}."));
    }
}
