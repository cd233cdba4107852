using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Google.Protobuf;

namespace Crisp.Sandbox.Server;

/// <summary>ttrpc frames both ways. What is no protocol closes this connection and nothing else.</summary>
internal sealed class ControlConnection : IEventHandler
{
    /// <summary>Long polls included: a Wait for each exec, one Events.</summary>
    internal const int MaxCallsInFlight = 1024;

    // Answers to a client that does not read: it has gone wrong, and nobody else should pay with memory.
    private const int MaxUnsent = 8 << 20;
    private readonly Connection _connection;
    private readonly SandboxService _service;
    private readonly Action<ControlConnection> _closed;
    private readonly FrameBuffer _frames = new(FrameType.Request);
    private readonly FrameQueue _unsent;
    private int _inFlight;

    public ControlConnection(Connection connection, SandboxService service, Action<ControlConnection> closed)
    {
        _connection = connection;
        _service = service;
        _closed = closed;
        _unsent = new FrameQueue(connection.Socket);
        connection.Watch.Handler = this;
    }

    public bool IsClosed => _connection.IsClosed;

    /// <summary>Whether Hello has agreed on a version.</summary>
    public bool HasGreeted { get; set; }

    /// <summary>Whether every answer has gone to the kernel.</summary>
    public bool IsFlushed => IsClosed || _unsent.IsEmpty;

    public void OnReady(EpollEvents events)
    {
        if ((events & EpollEvents.Out) != 0)
        {
            Flush();
        }

        if (!IsClosed && (events & (EpollEvents.In | EpollEvents.HangUp | EpollEvents.Error)) != 0)
        {
            Read();
        }
    }

    public void Close()
    {
        if (!IsClosed)
        {
            _connection.Close();
            _closed(this);
        }
    }

    /// <summary>Sends an answer; to a connection that has closed, nothing.</summary>
    public void Answer(uint streamId, Response response)
    {
        _inFlight--;
        if (IsClosed)
        {
            return;
        }

        _unsent.Add(FrameBuffer.Encode(streamId, FrameType.Response, response));
        Flush();
        if (_unsent.Bytes > MaxUnsent)
        {
            Diagnostics.Say($"A client left {_unsent.Bytes} bytes of answers unread; its connection was closed.");
            Close();
        }
    }

    private void Read()
    {
        var room = _frames.Room();
        var count = Files.TryRead(_connection.Socket, room.Span, out var errno);
        if (count <= 0)
        {
            if (errno != Errno.EAGAIN)
            {
                Close();
            }

            return;
        }

        try
        {
            _frames.Advance(count);
            while (!IsClosed && _frames.TryTake(out var header, out var payload))
            {
                Begin(header.StreamId, Request.Parser.ParseFrom(payload));
            }
        }
        catch (Exception e) when (e is ProtocolException or InvalidProtocolBufferException)
        {
            Diagnostics.Say($"A control connection was closed: {e.Message}");
            Close();
        }
    }

    private void Begin(uint streamId, Request request)
    {
        _inFlight++;
        var call = new Call(this, streamId, request.Method, request.TimeoutNano);
        if (_inFlight > MaxCallsInFlight)
        {
            call.Fail(RpcCode.ResourceExhausted, $"{MaxCallsInFlight} calls of this connection wait for their answers already.");
            return;
        }

        _service.Dispatch(call, request);
    }

    private void Flush()
    {
        if (_unsent.TryFlush())
        {
            _connection.Watch.Change(_unsent.IsEmpty ? EpollEvents.In : EpollEvents.In | EpollEvents.Out);
        }
        else
        {
            Close();
        }
    }
}
