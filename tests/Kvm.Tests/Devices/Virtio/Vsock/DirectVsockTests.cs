using System.Text;
using Crisp.Kvm.Tests.Driver;
using Crisp.Linux;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Vsock;

/// <summary>Connections that the monitor's own process makes to the guest, without a socket that others could find.</summary>
public sealed class DirectVsockTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void Connection_CarriesBothWaysAndNothingElse()
    {
        using var guest = new VsockGuest(null);
        using var socket = guest.Device.Connect(77);
        Files.TryWrite(socket, "early"u8, out _);
        var request = guest.Receive();
        Assert.Equal((77U, VsockGuest.Request), (request.TargetPort, request.Operation));
        guest.Send(VsockGuest.Response, 77, request.SourcePort);
        Assert.Equal("early"u8, guest.Receive().Data);
        guest.Send(VsockGuest.ReadWrite, 77, request.SourcePort, "late"u8);
        Assert.Equal("late", Read(socket));
    }

    [Fact]
    public void ConnectionBeforeTheDriver_WaitsForIt()
    {
        using var guest = new VsockGuest(null, isStarted: false);
        using var socket = guest.Device.Connect(77);
        Assert.False(Poll.WaitReadable(socket, TimeSpan.FromMilliseconds(50)));
        guest.Start();
        var request = guest.Receive();
        guest.Send(VsockGuest.Response, 77, request.SourcePort);
        guest.Send(VsockGuest.ReadWrite, 77, request.SourcePort, "here"u8);
        Assert.Equal("here", Read(socket));
    }

    [Fact]
    public void RefusedConnection_Ends()
    {
        using var guest = new VsockGuest(null);
        using var socket = guest.Device.Connect(77);
        guest.Send(VsockGuest.Reset, 77, guest.Receive().SourcePort);
        Assert.Equal("", Read(socket));
    }

    [Fact]
    public void ConnectionOfAGoneMachine_Ends()
    {
        var guest = new VsockGuest(null, isStarted: false);
        using var before = guest.Device.Connect(77);
        guest.Dispose();
        using var after = guest.Device.Connect(77);
        Assert.Equal(("", ""), (Read(before), Read(after)));
    }

    [Fact]
    public void Guest_ReachesNothingOfTheHost()
    {
        using var guest = new VsockGuest(null);
        guest.Send(VsockGuest.Request, 1234, 5000);
        Assert.Equal(VsockGuest.Reset, guest.Receive().Operation);
    }

    private static string Read(FileDescriptor socket)
    {
        Assert.True(Poll.WaitReadable(socket, _patience), "Nothing came.");
        var bytes = new byte[64];
        var count = Files.TryRead(socket, bytes, out _);
        return Encoding.ASCII.GetString(bytes, 0, Math.Max(count, 0));
    }
}
