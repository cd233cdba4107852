using System.Net.Sockets;
using Crisp.Kvm.Devices.Virtio.Net;
using Crisp.Kvm.Tests.Driver;
using Crisp.Linux;
using Crisp.Linux.Tests;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Net;

/// <summary>Against a datagram socket, which keeps frames apart as a tap does, and against a tap.</summary>
public sealed class VirtioNetTests : IDisposable
{
    private const ulong GuestChecksum = 1 << 1, Mac = 1 << 5, Segmentation4 = 1 << 7, Segmentation6 = 1 << 8;
    private const int BufferLength = 2048, HeaderLength = 12;
    private static readonly byte[] s_mac = [0x02, 0, 0, 0, 0, 0x42];
    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _wire;
    private readonly VirtioDriver _driver;
    private readonly VirtioNet _device;
    private TapOffloads? _offloads;

    public VirtioNetTests()
    {
        _wire = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        _wire.Bind(new UnixDomainSocketEndPoint(_directory.File("wire")));
        var near = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
        near.Bind(new UnixDomainSocketEndPoint(_directory.File("near")));
        near.Connect(new UnixDomainSocketEndPoint(_directory.File("wire")));
        _wire.Connect(new UnixDomainSocketEndPoint(_directory.File("near")));
        using (near)
        {
            using var borrowed = new FileDescriptor((int)near.Handle, ownsHandle: false);
            _device = new VirtioNet(borrowed.Duplicate(), o => _offloads = o, s_mac);
        }

        _driver = new VirtioDriver(_device);
    }

    [Fact]
    public void Frames_GoBothWays()
    {
        Assert.Equal(s_mac, _driver.ReadBytes(0x100, 6));
        var queues = _driver.Start(Mac, 8, 8);
        var frame = Frame(60);

        queues[1].Send(new Part(_driver.Allocate(frame), frame.Length, IsWritable: false));
        var received = new byte[100];
        Assert.Equal(frame.Length, _wire.Receive(received));
        Assert.Equal(frame, received[..frame.Length]);

        var buffer = Give(queues[0]);
        _wire.Send(frame);
        Assert.Equal((uint)frame.Length, queues[0].WaitUsed().Length);
        // The header says that the frame lies in one buffer.
        Assert.Equal([.. frame[..10], 1, 0, .. frame[12..]], _driver.Memory.Slice(buffer, frame.Length).ToArray());
    }

    [Theory]
    [InlineData(0UL, TapOffloads.None)]
    [InlineData(GuestChecksum, TapOffloads.Checksum)]
    [InlineData(GuestChecksum | Segmentation4 | Segmentation6, TapOffloads.Checksum | TapOffloads.Segmentation4 | TapOffloads.Segmentation6)]
    [InlineData(Segmentation4 | Segmentation6, TapOffloads.None)]
    public void Offloads_AreWhatTheGuestAccepted(ulong features, TapOffloads offloads)
    {
        _driver.Start(features, 8, 8);
        Assert.Equal(offloads, _offloads);
    }

    [Fact]
    public void Frames_WaitForBuffers()
    {
        var queues = _driver.Start(0, 8, 8);
        for (byte i = 0; i < 4; i++)
        {
            _wire.Send([.. new byte[HeaderLength], i, 7]);
        }

        Thread.Sleep(50);
        Assert.Equal(0, queues[0].UsedIndex);
        for (byte i = 0; i < 4; i++)
        {
            var buffer = Give(queues[0]);
            queues[0].WaitUsed();
            Assert.Equal([i, 7], _driver.Memory.Slice(buffer + HeaderLength, 2).ToArray());
        }
    }

    [Fact]
    public void FramesWithoutRoom_AreDropped_AndTheNextOneIsNot()
    {
        var queues = _driver.Start(0, 8, 8);
        var buffer = Give(queues[0]);
        _wire.Send(Frame(BufferLength));
        _wire.Send([1, 2, 3]);
        _wire.Send(Frame(100));

        Assert.Equal(HeaderLength + 100U, queues[0].WaitUsed().Length);
        Assert.Equal(2, _device.Dropped);
        Assert.Equal(Frame(100)[HeaderLength..], _driver.Memory.Slice(buffer + HeaderLength, 100).ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(HeaderLength)]
    [InlineData(HeaderLength + 65536 + 19)]
    public void WhatIsNoFrame_IsDropped(int length)
    {
        var queues = _driver.Start(0, 8, 8);
        queues[1].Send(new Part(_driver.Allocate(length), length, IsWritable: false));
        Assert.Equal(1, _device.Dropped);
    }

    [Fact]
    public void OverlappingDescriptors_AreNoFrame()
    {
        var queues = _driver.Start(0, 256, 256);
        queues[1].Send([.. Enumerable.Repeat(new Part(0x10_0000, 1 << 20, IsWritable: false), 200)]);
        Assert.Equal(1, _device.Dropped);
    }

    [Fact]
    public void Resets_LeaveNoWatchBehind()
    {
        for (var round = 0; round < 50; round++)
        {
            var queues = _driver.Start(0, 8, 8);
            Give(queues[0]);
            _wire.Send(Frame(60));
            queues[0].WaitUsed();
        }

        _driver.Write(0x70, 0);
        _wire.Send(Frame(60));
        Assert.Null(_driver.Failure);
    }

    [Fact]
    public void Tap_AnswersArp()
    {
        Assert.SkipUnless(Processes.EffectiveUid == 0 && File.Exists("/dev/net/tun"), "needs root and /dev/net/tun");
        Assert.SkipUnless(File.Exists("/sbin/ip") || File.Exists("/usr/sbin/ip") || File.Exists("/bin/ip"), "needs ip (Debian: iproute2)");
        OwnThread.Run(() =>
        {
            Namespaces.Unshare(NamespaceFlags.Network);
            var tap = Tap.Open("tap0", VirtioNet.HeaderSize);
            Ip("addr add 10.9.8.1/24 dev tap0");
            Ip("link set tap0 up");
            using var driver = new VirtioDriver(new VirtioNet(tap, o => Tap.SetOffloads(tap, o), s_mac));
            var queues = driver.Start(GuestChecksum | Segmentation4 | Segmentation6 | Mac, 64, 8);
            for (var i = 0; i < 64; i++)
            {
                queues[0].Add(new Part(driver.Allocate(BufferLength), BufferLength, IsWritable: true));
            }

            // Who has 10.9.8.1? Tell 10.9.8.2.
            byte[] request =
            [
                .. new byte[HeaderLength], 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, .. s_mac, 0x08, 0x06,
                0, 1, 8, 0, 6, 4, 0, 1, .. s_mac, 10, 9, 8, 2, 0, 0, 0, 0, 0, 0, 10, 9, 8, 1,
            ];
            queues[1].Send(new Part(driver.Allocate(request), request.Length, IsWritable: false));
            queues[0].Notify();

            var answer = Enumerable.Range(0, 64).Select(_ => Received(driver, queues[0])).First(f => f[12] == 8 && f[13] == 6);
            Assert.Equal((byte[])[0, 2], answer[20..22]);
            Assert.Equal((byte[])[10, 9, 8, 1], answer[28..32]);
            Assert.Equal(s_mac, answer[..6]);
        });
    }

    public void Dispose()
    {
        _driver.Dispose();
        _wire.Dispose();
        _directory.Dispose();
    }

    private static byte[] Frame(int length) => [.. new byte[HeaderLength], .. Enumerable.Range(1, length).Select(i => (byte)i)];

    private static byte[] Received(VirtioDriver driver, DriverQueue queue)
    {
        var (id, length) = queue.WaitUsed();
        var address = BitConverter.ToUInt64(driver.Memory.Slice(queue.Descriptors + 16 * id, 8));
        return driver.Memory.Slice(address + HeaderLength, (int)length - HeaderLength).ToArray();
    }

    private static void Ip(string arguments) => Tool.Run("ip", null, arguments.Split(' '));

    private ulong Give(DriverQueue queue)
    {
        var buffer = _driver.Allocate(BufferLength);
        queue.Add(new Part(buffer, BufferLength, IsWritable: true));
        queue.Notify();
        return buffer;
    }
}
