using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Crisp.Kvm.Devices.Virtio.Vsock;
using Crisp.Kvm.Tests.Driver;
using Crisp.Linux.Tests;
using CsCheck;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Vsock;

public sealed class VirtioVsockTests : IDisposable
{
    private const uint GuestPort = 1234, HostPort = 5000;
    private const int Timeout = 20_000;
    private readonly TemporaryDirectory _directory = new();
    private readonly List<IDisposable> _owned = [];

    private string SocketPath => _directory.File("v.sock");

    [Fact]
    public void Configuration_HasTheGuestsAddress()
    {
        var guest = Create();
        Assert.Equal((19U, VsockGuest.Cid), (guest.Driver.Read(8), BinaryPrimitives.ReadUInt64LittleEndian(guest.Driver.ReadBytes(0x100, 8))));
    }

    [Fact]
    public void Guest_ReachesASocketOfTheHost()
    {
        var listener = Listen(HostPort);
        var guest = Create();

        var host = Connect(guest, listener);
        guest.Send(VsockGuest.ReadWrite, GuestPort, HostPort, "hello"u8);
        Assert.Equal("hello", Read(host, 5));
        host.Send("back"u8);

        var packet = guest.Receive();
        Assert.Equal((2UL, VsockGuest.Cid, HostPort, GuestPort, VsockGuest.ReadWrite), (packet.SourceCid, packet.TargetCid, packet.SourcePort, packet.TargetPort, packet.Operation));
        Assert.Equal("back"u8, packet.Data);
        Assert.Equal((64 * 1024U, 5U), (packet.BufferSize, packet.Consumed));
    }

    [Fact]
    public void Host_ReachesAPortOfTheGuest()
    {
        var guest = Create();
        var host = Dial("CONNECT 77\nearly");
        var request = guest.Receive();
        Assert.Equal((77U, VsockGuest.Request), (request.TargetPort, request.Operation));

        guest.Send(VsockGuest.Response, 77, request.SourcePort);

        Assert.Equal($"OK {request.SourcePort}\n", Read(host, $"OK {request.SourcePort}\n".Length));
        Assert.Equal("early"u8, guest.Receive().Data);
        guest.Send(VsockGuest.ReadWrite, 77, request.SourcePort, "late"u8);
        Assert.Equal("late", Read(host, 4));
    }

    [Theory]
    [InlineData("HELLO 77\n")]
    [InlineData("CONNECT 4294967296\n")]
    [InlineData("CONNECT -1\n")]
    [InlineData("CONNECT 77777777777777777777777777777777")]
    public void WhatIsNoCommand_IsClosed(string line)
    {
        Create();
        Assert.Equal("", Read(Dial(line), 1));
    }

    [Fact]
    public void GuestThatRefuses_ClosesTheHostsSocket()
    {
        var guest = Create();
        var host = Dial("CONNECT 77\n");
        guest.Send(VsockGuest.Reset, 77, guest.Receive().SourcePort);

        Assert.Equal("", Read(host, 1));
        guest.Driver.WaitFor(() => guest.Device.Connections == 0);
    }

    [Fact]
    public void PortWithoutASocket_IsRefused()
    {
        var guest = Create();
        guest.Send(VsockGuest.Request, GuestPort, HostPort);

        var packet = guest.Receive();
        Assert.Equal((HostPort, GuestPort, VsockGuest.Reset), (packet.SourcePort, packet.TargetPort, packet.Operation));
        Assert.Equal(0, guest.Device.Connections);
    }

    [Fact]
    public void GuestsCredit_IsKeptTo()
    {
        var listener = Listen(HostPort);
        var guest = Create();
        guest.BufferSize = 100;
        var host = Connect(guest, listener);
        host.Send(new byte[250]);
        Assert.Equal(100, guest.Receive().Data.Length);

        guest.Send(VsockGuest.CreditRequest, GuestPort, HostPort);
        Assert.Equal(VsockGuest.CreditUpdate, guest.Receive().Operation);
        guest.Consumed = 100;
        guest.Send(VsockGuest.CreditUpdate, GuestPort, HostPort);
        Assert.Equal(100, guest.Receive().Data.Length);
        guest.Consumed = 200;
        guest.Send(VsockGuest.CreditUpdate, GuestPort, HostPort);
        Assert.Equal(50, guest.Receive().Data.Length);
    }

    [Fact]
    public void GuestThatSendsMoreThanItMay_LosesItsConnection()
    {
        var listener = Listen(HostPort);
        var guest = Create();
        var host = Connect(guest, listener);
        var page = new byte[4096];
        for (var sent = 0; sent < 200 && guest.Device.Connections > 0; sent++)
        {
            guest.Send(VsockGuest.ReadWrite, GuestPort, HostPort, page);
        }

        Assert.Equal(VsockGuest.Reset, guest.ReceiveNews().Operation);
        Assert.Equal(0, guest.Device.Connections);
        Assert.True(host.Connected);
    }

    [Fact]
    public async Task Megabytes_ArriveWhole_InBothDirections()
    {
        const int Length = 2 << 20;
        var listener = Listen(HostPort);
        var guest = Create();
        var host = Connect(guest, listener);
        var sent = new byte[Length];
        new Random(5).NextBytes(sent);
        // The host sends back what it gets.
        var echo = Task.Run(() =>
        {
            var buffer = new byte[8192];
            for (int count, total = 0; total < Length; total += count)
            {
                count = host.Receive(buffer);
                for (var done = 0; done < count;)
                {
                    done += host.Send(buffer.AsSpan(done, count - done));
                }
            }
        });

        var (received, offset, consumedByHost) = (new MemoryStream(), 0, 0U);
        while (received.Length < Length)
        {
            while (offset < Length && offset - consumedByHost + 2048 <= 64 * 1024)
            {
                guest.Send(VsockGuest.ReadWrite, GuestPort, HostPort, sent.AsSpan(offset, 2048));
                offset += 2048;
            }

            var packet = guest.Receive();
            Assert.NotEqual(VsockGuest.Reset, packet.Operation);
            received.Write(packet.Data);
            (consumedByHost, guest.Consumed) = (packet.Consumed, (uint)received.Length);
            if (offset - consumedByHost + 2048 > 64 * 1024)
            {
                guest.Send(VsockGuest.CreditRequest, GuestPort, HostPort);
            }
        }

        await echo;
        Assert.Equal(sent, received.ToArray());
    }

    [Fact]
    public void EndOfTheHostsStream_IsTheGuestsEnd_AndViceVersa()
    {
        var listener = Listen(HostPort);
        var guest = Create();
        var host = Connect(guest, listener);
        host.Send("last"u8);
        host.Shutdown(SocketShutdown.Send);

        Assert.Equal("last"u8, guest.Receive().Data);
        var end = guest.Receive();
        Assert.Equal((VsockGuest.Shutdown, 2U), (end.Operation, end.Flags));
        guest.Send(VsockGuest.ReadWrite, GuestPort, HostPort, "mine"u8);
        Assert.Equal("mine", Read(host, 4));
        guest.Send(VsockGuest.Shutdown, GuestPort, HostPort, flags: 3);

        Assert.Equal(VsockGuest.Reset, guest.ReceiveNews().Operation);
        Assert.Equal("", Read(host, 1));
        Assert.Equal(0, guest.Device.Connections);
    }

    [Fact]
    public void GuestsHalfClose_IsPassedOn()
    {
        var listener = Listen(HostPort);
        var guest = Create();
        var host = Connect(guest, listener);
        guest.Send(VsockGuest.Shutdown, GuestPort, HostPort, flags: 2);

        Assert.Equal("", Read(host, 1));
        host.Send("answer"u8);
        Assert.Equal("answer"u8, guest.Receive().Data);
        host.Close();
        Assert.Equal(VsockGuest.Shutdown, guest.Receive().Operation);
        Assert.Equal(VsockGuest.Reset, guest.Receive().Operation);
    }

    [Fact]
    public void PacketsOfNobody_AreDroppedOrRefused()
    {
        var guest = Create();
        guest.Send(VsockGuest.Request, GuestPort, HostPort, cid: 99);
        guest.Send(VsockGuest.Reset, GuestPort, HostPort);
        guest.Send(VsockGuest.ReadWrite, GuestPort, HostPort, "x"u8);
        Assert.Equal(VsockGuest.Reset, guest.Receive().Operation);
        guest.Send(VsockGuest.Request, GuestPort, HostPort, type: 2);
        Assert.Equal(VsockGuest.Reset, guest.Receive().Operation);
        guest.Send(0xFFFF, GuestPort, HostPort);
        Assert.Equal(VsockGuest.Reset, guest.Receive().Operation);
    }

    [Fact]
    public void PacketsThatAreNotWhole_NeedAReset()
    {
        var guest = Create();
        guest.Transmit.Add(new Part(guest.Driver.Allocate(43), 43, IsWritable: false));
        guest.Transmit.Notify();
        guest.Driver.AssertComplains("A packet has no whole header.");

        guest.Start();
        var lying = new byte[44];
        (lying[0], lying[8], lying[24]) = (3, 2, 200);
        guest.Transmit.Add(new Part(guest.Driver.Allocate(lying), 44, IsWritable: false));
        guest.Transmit.Notify();
        guest.Driver.AssertComplains("A packet of 200 bytes has 0.");
    }

    [Fact]
    public void GuestThatTakesNoAnswers_WaitsForThem()
    {
        var guest = Create(hasBuffers: false);
        for (var sent = 0; sent < 128; sent++)
        {
            guest.Send(VsockGuest.Request, GuestPort, HostPort);
        }

        guest.Post(VsockGuest.Request, GuestPort, HostPort);
        Thread.Sleep(50);
        Assert.Equal(128, guest.Transmit.UsedIndex);

        guest.GiveBuffers();
        guest.Driver.WaitFor(() => guest.Transmit.UsedIndex == 129);
        for (var received = 0; received < 129; received++)
        {
            Assert.Equal(VsockGuest.Reset, guest.Receive().Operation);
        }
    }

    [Fact]
    public void ConnectionsBeyondTheMost_AreRefused()
    {
        Listen(HostPort, backlog: 600);
        var guest = Create();
        for (uint port = 0; port < VirtioVsock.MostConnections; port++)
        {
            guest.Send(VsockGuest.Request, port, HostPort);
            Assert.Equal(VsockGuest.Response, guest.Receive().Operation);
        }

        guest.Send(VsockGuest.Request, 100_000, HostPort);
        Assert.Equal(VsockGuest.Reset, guest.Receive().Operation);
        guest.Send(VsockGuest.Reset, 0, HostPort);
        guest.Send(VsockGuest.Request, 100_000, HostPort);
        Assert.Equal(VsockGuest.Response, guest.Receive().Operation);
    }

    [Fact]
    public void Reset_ClosesEverySocket_AndTheDeviceWorksAgain()
    {
        var listener = Listen(HostPort);
        var guest = Create();
        var host = Connect(guest, listener);
        guest.Driver.Write(0x70, 0);
        Assert.Equal("", Read(host, 1));

        guest.Start();
        Connect(guest, listener);
    }

    [Fact]
    public void AnyPackets_AreHarmless()
    {
        var listener = Listen(HostPort, backlog: 600);
        var guest = Create();
        var packet = Gen.Select(Gen.UShort[0, 9], Gen.UInt[0, 3], Gen.Frequency((4, Gen.Const(HostPort)), (1, Gen.UInt)), Gen.Int[0, 300], Gen.UInt[0, 4], Gen.UInt);
        packet.Array[1, 40].Sample(
            packets =>
            {
                guest.Start();
                foreach (var (operation, guestPort, hostPort, length, flags, credit) in packets)
                {
                    (guest.BufferSize, guest.Consumed) = (credit, credit / 3);
                    guest.Send(operation, guestPort, hostPort, new byte[length], flags);
                }

                while (listener.Poll(0, SelectMode.SelectRead))
                {
                    listener.Accept().Dispose();
                }

                guest.Driver.FreeAll();
            },
            iter: 100,
            threads: 1);

        guest.Start();
        (guest.BufferSize, guest.Consumed) = (1000, 0);
        Connect(guest, listener);
        Assert.Null(guest.Driver.Failure);
    }

    [Fact]
    public void Socket_IsGoneWithTheDevice()
    {
        var guest = Create();
        Assert.True(File.Exists(SocketPath));
        guest.Dispose();
        _owned.Remove(guest);
        Assert.False(File.Exists(SocketPath));
    }

    public void Dispose()
    {
        _owned.ForEach(o => o.Dispose());
        _directory.Dispose();
    }

    private static string Read(Socket socket, int length)
    {
        var bytes = new byte[length];
        var read = 0;
        try
        {
            for (int count; read < length && (count = socket.Receive(bytes.AsSpan(read))) > 0;)
            {
                read += count;
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // A socket that is closed with bytes that nobody read ends so.
        }

        return Encoding.ASCII.GetString(bytes, 0, read);
    }

    private VsockGuest Create(bool hasBuffers = true) => Own(new VsockGuest(SocketPath, hasBuffers));

    private Socket Listen(uint port, int backlog = 16)
    {
        var socket = Own(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = Timeout });
        socket.Bind(new UnixDomainSocketEndPoint($"{SocketPath}_{port}"));
        socket.Listen(backlog);
        return socket;
    }

    private Socket Dial(string line)
    {
        var socket = Own(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = Timeout });
        socket.Connect(new UnixDomainSocketEndPoint(SocketPath));
        socket.Send(Encoding.ASCII.GetBytes(line));
        return socket;
    }

    private Socket Connect(VsockGuest guest, Socket listener)
    {
        guest.Send(VsockGuest.Request, GuestPort, HostPort);
        Assert.Equal(VsockGuest.Response, guest.Receive().Operation);
        var socket = Own(listener.Accept());
        socket.ReceiveTimeout = Timeout;
        return socket;
    }

    private T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Insert(0, resource);
        return resource;
    }
}
