using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Crisp.CriServer.Tests.CommandLine;
using Crisp.CriServer.Tests.Daemon;
using Crisp.Images.Tests;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>crisp attach and crisp port-forward as a person runs them.</summary>
public sealed class StreamingCommandTests(PodNode node) : IClassFixture<PodNode>
{
    private const int SigInt = 2;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Attach_CarriesAllThreeStreamsUntilTheContainerEnds()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        const string Script = "while read line; do [ $line = end ] && exit 3; echo heard $line; echo and complained >&2; done";
        var container = await node.LaunchAsync(pod, ["sh", "-c", Script], c => c.Stdin = true);
        using var attach = Process.Start(new ProcessStartInfo(CrispBinaries.Crisp, ["attach", "-i", "--socket", node.Daemon.SocketPath, container])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        await attach.StandardInput.WriteLineAsync("one");
        Assert.Equal("heard one", await attach.StandardOutput.ReadLineAsync().WaitAsync(_patience));
        Assert.Equal("and complained", await attach.StandardError.ReadLineAsync().WaitAsync(_patience));
        await attach.StandardInput.WriteLineAsync("end");
        await attach.WaitForExitAsync().WaitAsync(_patience);
        Assert.Equal((0, ""), (attach.ExitCode, await attach.StandardError.ReadToEndAsync()));
        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task AttachAtATerminal_IsTheContainersOwnAndGivesItBack()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        const string Script = "trap 'echo interrupted; exit' INT; while :; do read line && echo \"heard $line at $(busybox stty size)\"; done";
        var container = await node.LaunchAsync(pod, ["sh", "-c", Script], c => (c.Stdin, c.Tty) = (true, true));
        using var terminal = CrispTerminal.Start(100, 30, "attach", "-it", "--socket", node.Daemon.SocketPath, container);
        var modes = terminal.Modes;
        await Eventually.TrueAsync(() => terminal.Modes != modes);
        terminal.Type("hello\r");
        await Eventually.TrueAsync(() => terminal.Screen.Contains("heard hello at 30 100"));

        // Not the command's own end: the container gets it.
        terminal.Type("\u0003");
        Assert.Equal(0, await terminal.EndAsync());
        Assert.Equal(["hello", "heard hello at 30 100", "^Cinterrupted"], terminal.Screen);
        Assert.Equal(modes, terminal.Modes);
        await node.RemovePodAsync(pod);
    }

    /// <summary>.NET gives the terminal back at its end, and two of its threads together have stopped the process at that.</summary>
    [Fact]
    public async Task InTheBackgroundOfATerminal_ItEndsWhenItIsTold()
    {
        PodNode.Require();
        var pod = await node.RunPodAsync();
        var container = await node.LaunchAsync(pod, ["sh", "-c", "while :; do echo line; busybox sleep 0.01; done"]);
        for (var i = 0; i < 3; i++)
        {
            using var terminal = CrispTerminal.StartInBackground(1, "attach", "--socket", node.Daemon.SocketPath, container);
            Assert.Equal(124, await terminal.EndAsync());
        }

        await node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task PortForward_CarriesConnectionsUntilCtrlC()
    {
        PodNode.Require();

        // The pod is on the node's network, so that the test can listen in it.
        var pod = await node.RunPodAsync();
        var container = await node.SleeperAsync(pod);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var forward = CrispProcess.Start("port-forward", "--socket", node.Daemon.SocketPath, container, $"0:{port}");
        var line = (await forward.StandardOutput.ReadLineAsync().WaitAsync(_patience))!;
        Assert.EndsWith($" -> {port}", line, StringComparison.Ordinal);
        var local = IPEndPoint.Parse(line.Split(' ')[0]);

        // Two connections at once, the client's side ended first.
        var answers = new[] { "first", "second" }.Select(text => TalkAsync(local, text)).ToList();
        for (var i = 0; i < answers.Count; i++)
        {
            using var accepted = new StreamReader(new NetworkStream(await listener.AcceptSocketAsync().WaitAsync(_patience), ownsSocket: true));
            var text = await accepted.ReadToEndAsync().WaitAsync(_patience);
            await accepted.BaseStream.WriteAsync(Encoding.ASCII.GetBytes($"{text} answered"));
        }

        Assert.Equal(["first answered", "second answered"], await Task.WhenAll(answers));

        listener.Stop();
        using (var unanswered = await ConnectAsync(local))
        {
            Assert.True(await IsClosedAsync(unanswered), "The connection stays open although nobody listens.");
        }

        Assert.Contains($"port {port}", await forward.StandardError.ReadLineAsync().WaitAsync(_patience), StringComparison.Ordinal);

        Processes.Kill(forward.Id, SigInt);
        await forward.WaitForExitAsync().WaitAsync(_patience);
        Assert.Equal(130, forward.ExitCode);
        await node.RemovePodAsync(pod);
    }

    /// <summary>Sends, ends its side, and reads the other's to the end.</summary>
    private static async Task<string> TalkAsync(IPEndPoint address, string text)
    {
        using var stream = new StreamReader(new NetworkStream(await ConnectAsync(address), ownsSocket: true));
        var connection = (NetworkStream)stream.BaseStream;
        await connection.WriteAsync(Encoding.ASCII.GetBytes(text));
        connection.Socket.Shutdown(SocketShutdown.Send);
        return await stream.ReadToEndAsync().WaitAsync(_patience);
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address).WaitAsync(_patience);
        return socket;
    }

    private static async Task<bool> IsClosedAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1]).WaitAsync(_patience) == 0;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return true;
        }
    }
}
