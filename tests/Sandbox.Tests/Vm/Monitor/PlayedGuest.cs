using System.Collections.Concurrent;
using System.Net.Sockets;
using Crisp.Sandbox.Protocol;
using Google.Protobuf;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>A guest that a test plays: it answers what the test says, or breaks the protocol.</summary>
internal sealed class PlayedGuest : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly Func<Request, IMessage?> _answer;

    /// <param name="answer">Null gives no answer at all.</param>
    public PlayedGuest(Func<Request, IMessage?> answer)
    {
        _answer = answer;
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen(64);
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public string Path => _directory.File("guest.sock");

    /// <summary>Sent right after each answer.</summary>
    public byte[] After { get; set; } = [];

    /// <summary>What happens on a connection for a stream, on a thread of its own.</summary>
    public Action<ConnectionKind, Socket> Stream { get; set; } = static (_, _) => { };

    /// <summary>What a well-behaved guest answers to everything that carries no answer of its own.</summary>
    public static IMessage? Polite(Request request) => request.Method switch
    {
        "Hello" => new HelloResponse { Version = ProtocolVersion.Current },
        "Start" => new StartSandboxResponse(),
        "CreateContainer" => new CreateContainerResponse(),
        "StartContainer" => new StartContainerResponse { Pid = 1 },
        "DeleteContainer" => new DeleteContainerResponse(),
        "Exec" => new ExecResponse { Pid = 2 },
        "Shutdown" => new ShutdownResponse(),
        _ => null,
    };

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        _directory.Dispose();
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                var socket = _listener.Accept();
                _sockets.Add(socket);
                new Thread(() => Serve(socket)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private void Serve(Socket socket)
    {
        try
        {
            var preface = new byte[Preface.Size];
            for (var read = 0; read < preface.Length;)
            {
                read += socket.Receive(preface.AsSpan(read));
            }

            socket.Send([Preface.Taken]);
            if (Preface.Parse(preface).Kind is var kind and not ConnectionKind.Control)
            {
                Stream(kind, socket);
                return;
            }

            var frames = new FrameBuffer(FrameType.Request);
            for (int count; (count = socket.Receive(frames.Room().Span)) > 0;)
            {
                frames.Advance(count);
                while (frames.TryTake(out var header, out var payload))
                {
                    if (_answer(Request.Parser.ParseFrom(payload)) is { } message)
                    {
                        socket.Send(FrameBuffer.Encode(header.StreamId, FrameType.Response, new Response { Payload = message.ToByteString() }));
                        socket.Send(After);
                    }
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The monitor has hung up.
        }
    }
}
