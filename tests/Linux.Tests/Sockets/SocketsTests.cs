using Xunit;

namespace Crisp.Linux.Tests;

public sealed class SocketsTests
{
    [Fact]
    public void SendDescriptors_TwoHundred_ArriveInOrderAndCloseOnExec()
    {
        var (first, second) = Sockets.CreatePair();
        using var sender = first;
        using var receiver = second;
        var sent = Enumerable.Range(0, 200).Select(i => Memfd.Create($"crisp-test-{i}")).ToArray();
        var received = new List<FileDescriptor>();
        try
        {
            Sockets.SendDescriptors(sender, "x"u8, sent);
            var data = new byte[8];

            Assert.Equal(1, Sockets.ReceiveDescriptors(receiver, data, received));

            Assert.Equal(200, received.Count);
            for (var i = 0; i < 200; i++)
            {
                Assert.Equal($"/memfd:crisp-test-{i} (deleted)", Files.ReadlinkAt(FileDescriptor.CurrentDirectory, received[i].ProcPath));
                Assert.Contains("flags:\t02", File.ReadAllText($"/proc/self/fdinfo/{received[i].Number}"));
            }
        }
        finally
        {
            Array.ForEach(sent, d => d.Dispose());
            received.ForEach(d => d.Dispose());
        }
    }

    [Fact]
    public void Listen_SocketFile_IsForItsOwnerOnly()
    {
        using var temporary = new TemporaryDirectory();
        using var listener = Sockets.Listen(temporary.File("s"));
        using var client = Sockets.Connect(temporary.File("s"));
        using var server = Sockets.Accept(listener);

        Assert.Equal(0x180u, Files.StatusAt(FileDescriptor.CurrentDirectory, temporary.File("s")).Permissions);
        Assert.Equal(Environment.ProcessId, Sockets.GetPeerCredentials(server!).Pid);
    }

    [Fact]
    public void Errors_NameTheCallAndTheSocketFile()
    {
        using var temporary = new TemporaryDirectory();
        var tooLong = temporary.File(new string('s', 108));
        using var listener = Sockets.Listen(temporary.File("s"));

        Assert.StartsWith($"connect {tooLong}: ENAMETOOLONG", Assert.Throws<LinuxException>(() => Sockets.Connect(tooLong)).Message);
        Assert.StartsWith($"bind {tooLong}: ENAMETOOLONG", Assert.Throws<LinuxException>(() => Sockets.Listen(tooLong)).Message);
        Assert.StartsWith($"bind {temporary.File("s")}: EADDRINUSE", Assert.Throws<LinuxException>(() => Sockets.Listen(temporary.File("s"))).Message);
        Assert.StartsWith($"connect {temporary.File("m")}: ENOENT", Assert.Throws<LinuxException>(() => Sockets.Connect(temporary.File("m"))).Message);
    }

    [Fact]
    public void ReceiveDescriptors_NothingYetAndTheEnd_AreDifferent()
    {
        var (first, second) = Sockets.CreatePair(nonBlocking: true);
        using var receiver = second;
        var received = new List<FileDescriptor>();
        Assert.Equal(-1, Sockets.ReceiveDescriptors(receiver, new byte[4], received));
        Sockets.SendDescriptors(first, "data"u8, []);
        first.Dispose();

        Assert.Equal(4, Sockets.ReceiveDescriptors(receiver, new byte[4], received));
        Assert.Equal(0, Sockets.ReceiveDescriptors(receiver, new byte[4], received));
        Assert.Empty(received);
    }

    [Fact]
    public void Accept_NobodyThere_IsNull()
    {
        using var temporary = new TemporaryDirectory();
        using var listener = Sockets.Listen(temporary.File("s"), nonBlocking: true);

        Assert.Null(Sockets.Accept(listener));
    }

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("::1", true)]
    public void LoopbackConnection_BeginsWithoutWaitingAndTellsHowItEnded(string address, bool isIPv6)
    {
        Assert.SkipUnless(System.Net.Sockets.Socket.OSSupportsIPv6, "needs IPv6");
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Parse(address), 0);
        listener.Start();
        var port = (ushort)((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        using var socket = LoopbackSocket.BeginConnect(port, isIPv6);
        using var accepted = listener.AcceptSocket();
        Assert.Equal(Errno.None, LoopbackSocket.Result(socket));
        Assert.Equal(1, Files.TryWrite(socket, "x"u8, out _));
        Assert.Equal(1, accepted.Receive(new byte[2]));
        listener.Stop();

        // On the loopback the refusal is there at once, or a moment later.
        var refused = Errno.None;
        try
        {
            using var second = LoopbackSocket.BeginConnect(port, isIPv6);
            Assert.True(SpinWait.SpinUntil(() => (refused = LoopbackSocket.Result(second)) != Errno.None, TimeSpan.FromSeconds(10)));
        }
        catch (LinuxException e)
        {
            refused = e.Errno;
        }

        Assert.Equal(Errno.ECONNREFUSED, refused);
    }
}
