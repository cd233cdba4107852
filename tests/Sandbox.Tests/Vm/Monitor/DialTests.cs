using System.Net;
using System.Net.Sockets;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>Connections to ports of a guest's loopback. The guest is a process of this kernel: its loopback is the test's.</summary>
public sealed class DialTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public DialTests() => _listener.Start();

    private ushort Port => (ushort)((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task Port_IsReachedAndEachDirectionEndsByItself()
    {
        await using var pod = await MonitoredPod.StartAsync();
        using var streams = await pod.Client.DialAsync(Port);
        using var server = await _listener.AcceptTcpClientAsync();
        await streams.Stdin!.WriteAsync("question"u8.ToArray());
        streams.Stdin.Dispose();
        using var received = new MemoryStream();
        await server.GetStream().CopyToAsync(received).WaitAsync(_patience);
        Assert.Equal("question"u8.ToArray(), received.ToArray());
        await server.Client.SendAsync("answer"u8.ToArray());
        server.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal("answer", await PodProcess.ReadAsync(streams.Stdout!));
    }

    [Fact]
    public async Task Port_OfIPv6AloneIsReached()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "needs IPv6");
        using var listener = new TcpListener(IPAddress.IPv6Loopback, 0);
        listener.Start();
        await using var pod = await MonitoredPod.StartAsync();
        using var streams = await pod.Client.DialAsync((ushort)((IPEndPoint)listener.LocalEndpoint).Port);
        using var server = await listener.AcceptTcpClientAsync();
        server.Client.Shutdown(SocketShutdown.Both);
        Assert.Equal("", await PodProcess.ReadAsync(streams.Stdout!));
    }

    [Fact]
    public async Task PortWhereNobodyListens_IsAnErrorThatNamesIt()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var port = Port;
        _listener.Stop();
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.DialAsync(port));
        Assert.Equal(RpcCode.Unavailable, error.Code);
        Assert.Contains($"The port {port} of the pod cannot be reached: connect port {port}: ECONNREFUSED", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SenderWhoseReceiverDoesNotRead_IsStopped()
    {
        await using var pod = await MonitoredPod.StartAsync();
        using var streams = await pod.Client.DialAsync(Port);
        using var server = await _listener.AcceptTcpClientAsync();
        var sent = 0L;
        var flood = Task.Run(async () =>
        {
            var block = new byte[1 << 16];
            for (; sent < 64 << 20; sent += block.Length)
            {
                await server.GetStream().WriteAsync(block);
            }

            server.Client.Shutdown(SocketShutdown.Send);
        });
        await Task.Delay(500);
        var stopped = sent;
        await Task.Delay(500);
        Assert.Equal(stopped, sent);
        var (received, buffer) = (0L, new byte[1 << 16]);
        for (int count; (count = await streams.Stdout!.ReadAsync(buffer).AsTask().WaitAsync(_patience)) > 0;)
        {
            received += count;
        }

        await flood;
        Assert.Equal(64 << 20, received);
    }

    [Fact]
    public async Task ClientOrServerThatLeaves_IsSeenByTheOther()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var leaving = await pod.Client.DialAsync(Port);
        using var server = await _listener.AcceptTcpClientAsync();
        leaving.Dispose();
        Assert.Equal("", await PodProcess.ReadAsync(server.GetStream()));

        using var staying = await pod.Client.DialAsync(Port);
        var broken = await _listener.AcceptTcpClientAsync();
        broken.Client.LingerState = new LingerOption(true, 0);
        broken.Dispose();
        Assert.Equal("", await PodProcess.ReadAsync(staying.Stdout!));
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            using var deadline = new CancellationTokenSource(_patience);
            while (true)
            {
                await staying.Stdin!.WriteAsync("x"u8.ToArray(), deadline.Token);
            }
        });
    }

    [Fact]
    public async Task MoreConnectionsThanMayBe_AreRefusedUntilSomeEnd()
    {
        await using var pod = await MonitoredPod.StartAsync();
        var open = new List<ProcessStreams>();
        for (var i = 0; i < SandboxService.MaxDials; i++)
        {
            open.Add(await pod.Client.DialAsync(Port));
        }

        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.DialAsync(Port));
        Assert.Equal(RpcCode.ResourceExhausted, error.Code);
        var id = await pod.LaunchAsync("sleep", "1000");
        Assert.Equal((0, "out\n", ""), await pod.ExecAsync(id, "echo", "out"));
        open.ForEach(s => s.Dispose());
        await PodProcess.UntilAsync(
            () =>
            {
                try
                {
                    pod.Client.DialAsync(Port).GetAwaiter().GetResult().Dispose();
                    return true;
                }
                catch (SandboxException e) when (e.Code == RpcCode.ResourceExhausted)
                {
                    return false;
                }
            },
            "A free place");
    }

    [Fact]
    public async Task PodOfNamespaces_IsDialledFromItsNamespaceInstead()
    {
        await using var pod = await PodProcess.StartAsync();
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.Client.DialAsync(Port));
        Assert.Equal(RpcCode.FailedPrecondition, error.Code);
    }
}
