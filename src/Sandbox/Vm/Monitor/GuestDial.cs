using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>A new connection to the guest: its preface is sent, and the guest has taken it.</summary>
internal sealed class GuestDial : IEventHandler
{
    private readonly FileDescriptor _socket;
    private readonly Watch _watch;
    private readonly LoopTimer _deadline;
    private readonly Action<FileDescriptor> _done;
    private readonly Action<Exception> _failed;

    private GuestDial(EventLoop loop, FileDescriptor socket, CallDeadline deadline, Action<FileDescriptor> done, Action<Exception> failed)
    {
        (_socket, _done, _failed) = (socket, done, failed);
        _watch = loop.Watch(socket, EpollEvents.In, this);
        _deadline = loop.After(deadline.Remaining, () => Fail("did not take a connection in time", RpcCode.DeadlineExceeded));
    }

    /// <param name="token">16 bytes, or empty for a control connection.</param>
    /// <param name="done">Gets the socket, which does not block, unwatched.</param>
    /// <param name="failed">Called, like <paramref name="done"/>, later and on the loop's thread.</param>
    public static void Begin(
        EventLoop loop,
        IGuestMachine machine,
        ConnectionKind kind,
        ReadOnlySpan<byte> token,
        CallDeadline deadline,
        Action<FileDescriptor> done,
        Action<Exception> failed)
    {
        FileDescriptor socket;
        try
        {
            socket = machine.Connect();
        }
        catch (LinuxException e)
        {
            loop.Post(() => failed(new SandboxException(RpcCode.Unavailable, $"The guest cannot be reached: {e.Message}", e)));
            return;
        }

        var dial = new GuestDial(loop, socket, deadline, done, failed);

        // A new socket has room for a preface.
        if (Files.TryWrite(socket, Preface.Encode(kind, token), out _) != Preface.Size)
        {
            loop.Post(() => dial.Fail("closed a new connection"));
        }
    }

    public void OnReady(EpollEvents events)
    {
        Span<byte> answer = stackalloc byte[1];
        var count = Files.TryRead(_socket, answer, out var errno);
        if (count < 0 && errno == Errno.EAGAIN)
        {
            return;
        }

        if (count != 1 || answer[0] != Preface.Taken)
        {
            Fail("refused a connection");
            return;
        }

        _deadline.Cancel();
        _watch.Dispose();
        _done(_socket);
    }

    private void Fail(string what, RpcCode code = RpcCode.Unavailable)
    {
        // Both the deadline and an answer can come to this; the watch is gone after the first.
        if (_socket.IsClosed)
        {
            return;
        }

        _deadline.Cancel();
        _watch.Dispose();
        _socket.Dispose();
        _failed(new SandboxException(code, $"The guest {what}."));
    }
}
