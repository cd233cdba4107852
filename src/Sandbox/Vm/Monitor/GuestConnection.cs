using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Google.Protobuf;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>
/// The monitor's half of the control connection to its guest: calls in flight by stream id, answers in any order, all on the
/// loop's thread. What the guest sends is bounded by the frames' size; what it does not read, by <see cref="MaxUnsent"/>.
/// </summary>
internal sealed class GuestConnection : IEventHandler
{
    private const int MaxUnsent = 8 << 20;
    private readonly EventLoop _loop;
    private readonly FileDescriptor _socket;
    private readonly Watch _watch;
    private readonly Action<string> _broken;
    private readonly FrameBuffer _frames = new(FrameType.Response);
    private readonly FrameQueue _unsent;
    private readonly Dictionary<uint, PendingCall> _calls = [];
    private uint _nextStream = 1;
    private string? _end;
    private bool _isClosed;

    /// <param name="socket">Its preface has been taken. Closed with this.</param>
    /// <param name="broken">
    /// Called once, with a sentence, when the guest has closed it or broken the protocol. What waits goes on waiting until
    /// <see cref="Close"/>: its owner may know better why.
    /// </param>
    public GuestConnection(EventLoop loop, FileDescriptor socket, Action<string> broken)
    {
        (_loop, _socket, _broken) = (loop, socket, broken);
        _unsent = new FrameQueue(socket);
        _watch = loop.Watch(socket, EpollEvents.In, this);
    }

    /// <summary>Calls the guest; one of the actions is called once, later.</summary>
    /// <param name="deadline">Null waits as long as the guest lives.</param>
    /// <param name="failed">Gets a SandboxException whose message is safe to show.</param>
    public void Call<T>(string method, IMessage request, MessageParser<T> parser, CallDeadline? deadline, Action<T> done, Action<Exception> failed)
        where T : IMessage<T>
    {
        if (_end is { } reason)
        {
            _loop.Post(() => failed(new SandboxException(RpcCode.Unavailable, reason)));
            return;
        }

        var patience = deadline?.Remaining;
        if (patience == TimeSpan.Zero)
        {
            _loop.Post(() => failed(new SandboxException(RpcCode.DeadlineExceeded, $"{method}: there was no time left to ask the guest.")));
            return;
        }

        var stream = _nextStream;
        _nextStream += 2;
        byte[] frame;
        try
        {
            frame = Encode(stream, method, request, patience);
        }
        catch (SandboxException e)
        {
            _loop.Post(() => failed(e));
            return;
        }

        var timer = patience is { } limit ? _loop.After(limit, () => Expire(stream, method, limit)) : null;
        _calls.Add(stream, new PendingCall(payload => done(parser.ParseFrom(payload)), failed, method, timer));
        _unsent.Add(frame);
        if (_unsent.Bytes > MaxUnsent)
        {
            Break("The guest does not read what its monitor sends.");
            return;
        }

        Flush();
    }

    public void OnReady(EpollEvents events)
    {
        if ((events & EpollEvents.Out) != 0)
        {
            Flush();
        }

        if (_end is null && (events & (EpollEvents.In | EpollEvents.HangUp | EpollEvents.Error)) != 0)
        {
            Read();
        }
    }

    /// <summary>Nothing more is called; what waits fails with the reason.</summary>
    public void Close(string reason)
    {
        End(reason);
        if (_isClosed)
        {
            return;
        }

        _isClosed = true;
        _socket.Dispose();
        foreach (var call in _calls.Values.ToList())
        {
            call.Deadline?.Cancel();
            // Each by itself: what one of them throws is not the others'.
            _loop.Post(() => call.Failed(new SandboxException(RpcCode.Unavailable, reason)));
        }

        _calls.Clear();
    }

    private static byte[] Encode(uint stream, string method, IMessage request, TimeSpan? timeout)
        => FrameBuffer.Encode(stream, FrameType.Request, new Request
        {
            Service = ProtocolVersion.Service,
            Method = method,
            Payload = request.ToByteString(),
            TimeoutNano = (timeout?.Ticks ?? 0) * TimeSpan.NanosecondsPerTick,
        });

    private void End(string reason)
    {
        if (_end is null)
        {
            _end = reason;
            _watch.Dispose();
        }
    }

    private void Break(string reason)
    {
        if (_end is null)
        {
            End(reason);
            _broken(reason);
        }
    }

    private void Flush()
    {
        if (_end is not null)
        {
            return;
        }

        if (_unsent.TryFlush())
        {
            _watch.Change(_unsent.IsEmpty ? EpollEvents.In : EpollEvents.In | EpollEvents.Out);
        }
        else
        {
            Break("The guest has closed the connection to its monitor.");
        }
    }

    private void Read()
    {
        var count = Files.TryRead(_socket, _frames.Room().Span, out var errno);
        if (count <= 0)
        {
            if (errno != Errno.EAGAIN)
            {
                Break("The guest has closed the connection to its monitor.");
            }

            return;
        }

        try
        {
            _frames.Advance(count);
            while (_end is null && _frames.TryTake(out var header, out var payload))
            {
                // An answer that comes after its deadline finds nobody; nor does one to a call that was never made.
                if (_calls.Remove(header.StreamId, out var call))
                {
                    call.Deadline?.Cancel();
                    Answer(call, Response.Parser.ParseFrom(payload));
                }
            }
        }
        catch (Exception e) when (e is ProtocolException or InvalidProtocolBufferException)
        {
            Break($"The guest broke the protocol: {e.Message}");
        }
    }

    private static void Answer(PendingCall call, Response response)
    {
        if (response.Status is { Code: not 0 } status)
        {
            var code = Enum.IsDefined((RpcCode)status.Code) ? (RpcCode)status.Code : RpcCode.Unknown;
            call.Failed(new SandboxException(code, GuestText.Clean(status.Message)));
            return;
        }

        try
        {
            call.Done(response.Payload);
        }
        catch (InvalidProtocolBufferException e)
        {
            call.Failed(new SandboxException(RpcCode.Internal, $"{call.Method}: the guest's answer cannot be read: {e.Message}", e));
        }
    }

    private void Expire(uint stream, string method, TimeSpan limit)
    {
        if (_calls.Remove(stream, out var call))
        {
            call.Failed(new SandboxException(RpcCode.DeadlineExceeded, $"{method}: the guest did not answer within {limit.TotalSeconds:0.#} s."));
        }
    }

    private sealed record PendingCall(Action<ByteString> Done, Action<Exception> Failed, string Method, LoopTimer? Deadline);
}
