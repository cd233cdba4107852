using System.Net.Sockets;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Tests.Pods;
using CsCheck;
using Google.Protobuf;
using Xunit;

namespace Crisp.Sandbox.Tests.Server;

/// <summary>Clients that break the protocol, against a real process: only their own connection suffers.</summary>
public sealed class HostileClientTests
{
    [Fact]
    public async Task AnyBytes_CloseTheirConnectionAndNothingElse()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        var bytes = Gen.Byte.Array[0, 200];
        var hello = Preface.Encode(ConnectionKind.Control, default);
        Gen.Select(Gen.Bool, bytes).Sample(
            (greet, garbage) =>
            {
                using var socket = Connect(pod);
                socket.Send(greet ? [.. hello, .. garbage] : garbage);
                socket.Shutdown(SocketShutdown.Send);
                ReadToEnd(socket);
            },
            iter: 300,
            threads: 1);
        Assert.False((await pod.Client.StateAsync()).Started);
    }

    [Fact]
    public async Task WrongPrefaces_AreRefused()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        var good = Preface.Encode(ConnectionKind.Control, default);
        foreach (var at in Enumerable.Range(0, 9))
        {
            using var socket = Connect(pod);
            var bad = good.ToArray();
            bad[at] ^= 0x40;
            socket.Send(bad);
            Assert.NotEqual([0], ReadToEnd(socket));
        }

        // Tokens of zeros name nothing.
        foreach (var kind in (ConnectionKind[])[ConnectionKind.Descriptors, ConnectionKind.Stdin, ConnectionKind.Stdout, ConnectionKind.Stderr])
        {
            using var socket = Connect(pod);
            socket.Send(Preface.Encode(kind, default));
            Assert.NotEqual([0], ReadToEnd(socket));
        }
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 1, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 2, 1, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 1, 2, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 1, 3, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 1, 1, 1 })]
    [InlineData(new byte[] { 0, 0, 0, 2, 0, 0, 0, 1, 1, 0, 0xFF, 0xFF })]
    public async Task WrongFrames_CloseTheConnection(byte[] frame)
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        using var socket = Control(pod);
        socket.Send(frame);
        Assert.Empty(ReadToEnd(socket));
        Assert.False((await pod.Client.StateAsync()).Started);
    }

    [Fact]
    public async Task AnnouncedLength_CostsNoMemoryUntilItArrives()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        var sockets = Enumerable.Range(0, 10).Select(_ => Control(pod)).ToList();
        var before = Memory(pod);
        sockets.ForEach(s => s.Send([0, 0x3F, 0xFF, 0xFF, 0, 0, 0, 1, 1, 0]));
        await pod.Client.StateAsync();
        Assert.InRange(Memory(pod) - before, long.MinValue, 4 << 20);
        sockets.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task CallsBeforeHello_UnknownCallsAndUnknownServicesAreRefused()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        using var socket = Control(pod);
        Assert.Equal(RpcCode.FailedPrecondition, Call(socket, 1, "State", new StateRequest()));
        Assert.Equal(RpcCode.Ok, Call(socket, 3, "Hello", new HelloRequest { Version = 1 }));
        Assert.Equal(RpcCode.Ok, Call(socket, 5, "State", new StateRequest()));
        Assert.Equal(RpcCode.Unimplemented, Call(socket, 7, "Explode", new StateRequest()));
        Assert.Equal(RpcCode.Unimplemented, Call(socket, 9, "State", new StateRequest(), "other.Service"));
        Assert.Equal(RpcCode.FailedPrecondition, Call(socket, 11, "Hello", new HelloRequest()));
        Assert.Equal(RpcCode.NotFound, Call(socket, 13, "StartContainer", new StartContainerRequest { ContainerId = "x" }));
        Assert.Equal(RpcCode.InvalidArgument, Call(socket, 15, "Start", new StartSandboxRequest { SpecJson = ByteString.CopyFromUtf8("{\"a\":1}") }));
        Assert.Equal(RpcCode.InvalidArgument, Call(socket, 17, "Start", new StartSandboxRequest { SpecJson = ByteString.CopyFromUtf8("null") }));
    }

    [Fact]
    public async Task ManyConnections_AreBoundedAndTheirPlacesComeBack()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        var before = pod.CountDescriptors();
        for (var round = 0; round < 3; round++)
        {
            var sockets = Enumerable.Range(0, 900).Select(_ => Connect(pod)).ToList();
            await PodProcess.UntilAsync(() => pod.CountDescriptors() is > 500 and < 900, "A bound on connections");
            sockets.ForEach(s => s.Dispose());
            await PodProcess.UntilAsync(() => pod.CountDescriptors() == before, "The closing of connections");
        }

        var control = Enumerable.Range(0, 15).Select(_ => Control(pod)).ToList();
        await Assert.ThrowsAsync<SandboxException>(async () => await pod.ConnectAsync());
        control.ForEach(s => s.Dispose());
        await PodProcess.UntilAsync(() => pod.CountDescriptors() == before, "The closing of connections");
        await using var another = await pod.ConnectAsync();
        Assert.Equal(pod.Process.Pid, another.Server.Pid);
    }

    [Fact]
    public async Task DescriptorsThatNobodyNames_AreBounded()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        var before = pod.CountDescriptors();
        using var file = Files.Open("/dev/null", OpenFlags.ReadOnly);
        var taken = 0;
        for (var i = 0; i < 40; i++)
        {
            using var socket = Connect(pod);
            socket.Send(Preface.Encode(ConnectionKind.Descriptors, Guid.NewGuid().ToByteArray()));
            if (Receive(socket) == 0)
            {
                using var descriptor = new FileDescriptor((int)socket.Handle, ownsHandle: false);
                Sockets.SendDescriptors(descriptor, "d"u8, [file, file]);
                socket.Shutdown(SocketShutdown.Send);
                Assert.Equal(0, Receive(socket));
                taken++;
            }
        }

        Assert.Equal(32, taken);
        await PodProcess.UntilAsync(() => pod.CountDescriptors() == before + (2 * taken), "The closing of connections");

    }

    [Fact]
    public async Task MoreDescriptorsThanMounts_AreRefused()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        var before = pod.CountDescriptors();
        using var file = Files.Open("/", OpenFlags.Path);
        var error = await Assert.ThrowsAsync<SandboxException>(
            async () => await pod.Client.CreateContainerAsync(pod.Container("true"), [.. Enumerable.Repeat(file, 1200)]));
        Assert.Equal(RpcCode.Unavailable, error.Code);
        await PodProcess.UntilAsync(() => pod.CountDescriptors() == before, "The closing of descriptors");
    }

    [Fact]
    public async Task PodsProcess_OutlivesStraySignals()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        foreach (var signal in (int[])[1, 2, 3, 10, 12, 13, 14, 16, 17, 20, 21, 22, 24, 25, 26, 27, 29, 30])
        {
            Linux.Processes.PidfdSendSignal(pod.Process.Pidfd, signal);
        }

        Assert.False((await pod.Client.StateAsync()).Started);
    }

    [Fact]
    public async Task Socket_IsRootsAlone()
    {
        await using var pod = await PodProcess.StartAsync(start: false);
        Assert.Equal((UnixFileMode)0x180, File.GetUnixFileMode(pod.SocketPath));
    }

    private static Socket Connect(PodProcess pod)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000, SendTimeout = 30_000 };
        socket.Connect(new UnixDomainSocketEndPoint(pod.SocketPath));
        return socket;
    }

    private static Socket Control(PodProcess pod)
    {
        var socket = Connect(pod);
        socket.Send(Preface.Encode(ConnectionKind.Control, default));
        Assert.Equal(0, Receive(socket));
        return socket;
    }

    private static RpcCode Call(Socket socket, uint stream, string method, IMessage request, string service = ProtocolVersion.Service)
    {
        socket.Send(FrameBuffer.Encode(stream, FrameType.Request, new Request { Service = service, Method = method, Payload = request.ToByteString() }));
        var frames = new FrameBuffer(FrameType.Response);
        while (true)
        {
            frames.Advance(socket.Receive(frames.Room().Span));
            if (frames.TryTake(out var header, out var payload))
            {
                Assert.Equal(stream, header.StreamId);
                return (RpcCode)(Response.Parser.ParseFrom(payload).Status?.Code ?? 0);
            }
        }
    }

    private static int Receive(Socket socket)
    {
        var one = new byte[1];
        return socket.Receive(one) == 0 ? -1 : one[0];
    }

    private static byte[] ReadToEnd(Socket socket)
    {
        var all = new List<byte>();
        var buffer = new byte[4096];
        try
        {
            for (int count; (count = socket.Receive(buffer)) > 0;)
            {
                all.AddRange(buffer.AsSpan(0, count));
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Closed with our bytes unread.
        }

        return [.. all];
    }

    private static long Memory(PodProcess pod)
        => long.Parse(File.ReadLines($"/proc/{pod.Process.Pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) << 10;
}
