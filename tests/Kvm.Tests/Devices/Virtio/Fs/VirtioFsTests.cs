using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Fuse;
using Crisp.Kvm.Tests.Driver;
using Crisp.Kvm.Tests.Fuse;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Fs;

public sealed class VirtioFsTests : FuseTest
{
    [Fact]
    public void Configuration_HasTheTagAndOneRequestQueue()
    {
        Assert.Equal(26U, Guest.Driver.Read(8));
        Assert.Equal("crisp", Encoding.ASCII.GetString(Guest.Driver.ReadBytes(0x100, 36)).TrimEnd('\0'));
        Assert.Equal(1U, Guest.Driver.Read(0x124));
        Assert.Equal([0, 0, 0, 0], Guest.Driver.ReadBytes(0x128, 4));
    }

    [Fact]
    public void DriverWithoutBothQueues_NeedsAReset()
    {
        using var guest = new FuseGuest(new ExportTable());
        guest.Driver.FreeAll();
        guest.Driver.Start(0, 16);

        guest.Driver.AssertComplains("The driver does not use both queues of the file system device.");
    }

    [Fact]
    public void ManyRequestsAtOnce_AreAllAnswered()
    {
        WriteFile("file", new string('x', 1000));
        var node = Guest.Walk("data", "file").Node;
        var handle = Guest.Open(node).Handle;
        var outputs = new Dictionary<uint, ulong>();
        for (var round = 0; round < 20; round++)
        {
            for (var i = 0; i < 64; i++)
            {
                var request = Guest.Request(FuseGuest.READ, node, FuseGuest.Bytes(handle, (ulong)i, 100U, 0U, 0UL, 0U, 0U));
                var output = Guest.Driver.Allocate(116);
                outputs[Guest.Requests.Add(new Part(Guest.Driver.Allocate(request), request.Length, false), new Part(output, 116, true))] = output;
            }

            Guest.Requests.Notify();
            for (var i = 0; i < 64; i++)
            {
                var (id, length) = Guest.Requests.WaitUsed();
                var reply = Guest.Driver.Memory.Slice(outputs[id], (int)length).ToArray();
                Assert.Equal((116U, 0, new string('x', 100)), (length, BinaryPrimitives.ReadInt32LittleEndian(reply.AsSpan(4)), Encoding.ASCII.GetString(reply[16..])));
                Assert.True(outputs.Remove(id));
            }
        }
    }

    [Fact]
    public void Reset_WaitsForRequestsUnderWay_AndTheNextDriverBeginsAnew()
    {
        // CVE-2026-45782: a request outlived its queue.
        WriteFile("file", new string('x', 100_000));
        for (var round = 0; round < 50; round++)
        {
            var node = Guest.Walk("data", "file").Node;
            var handle = Guest.Open(node).Handle;
            var output = Guest.Driver.Allocate(100_016);
            for (var i = 0; i < 8; i++)
            {
                var request = Guest.Request(FuseGuest.READ, node, FuseGuest.Bytes(handle, 0UL, 100_000U, 0U, 0UL, 0U, 0U));
                Guest.Requests.Add(new Part(Guest.Driver.Allocate(request), request.Length, false), new Part(output, 100_016, true));
            }

            Guest.Requests.Notify();
            Guest.Driver.Write(0x70, 0);
            Guest.Driver.Memory.Slice(output, 100_016).Fill(0xEE);
            Thread.Yield();
            Assert.False(Guest.Driver.Memory.Slice(output, 100_016).ContainsAnyExcept((byte)0xEE), "A request wrote to memory after the reset.");
            Assert.Equal((0, 0), (Guest.Device.Server.Inodes, Guest.Device.Server.Handles));
            Guest.Restart();
        }

        Assert.Null(Guest.Driver.Failure);
    }

    [Fact]
    public void SessionBeginsWithInit_InAVersionThatBothKnow()
    {
        using var guest = new FuseGuest(new ExportTable(), hasSession: false);
        Assert.Equal(FuseGuest.EIO, guest.Getattr(FuseGuest.Root).Error);
        Assert.Equal(FuseGuest.EPROTO, guest.Init(minor: 30).Error);
        Assert.Equal(FuseGuest.EPROTO, guest.Init(major: 6).Error);
        // A version to come is told what this one is, and asks again.
        Assert.Equal((0, 7U), (guest.Init(major: 8).Error, BinaryPrimitives.ReadUInt32LittleEndian(guest.Init(major: 8).Body)));
        Assert.Equal(FuseGuest.EIO, guest.Getattr(FuseGuest.Root).Error);

        var body = guest.Init(minor: 45).Body;
        Assert.Equal((64, 7U, 38U), (body.Length, BinaryPrimitives.ReadUInt32LittleEndian(body), BinaryPrimitives.ReadUInt32LittleEndian(body.AsSpan(4))));
        // WRITEBACK_CACHE, POSIX_ACL, POSIX_LOCKS, FLOCK_LOCKS, NO_OPEN_SUPPORT and INIT_EXT are not accepted.
        const uint Refused = 1U << 16 | 1U << 20 | 1U << 1 | 1U << 10 | 1U << 17 | 1U << 30;
        Assert.Equal(0U, BinaryPrimitives.ReadUInt32LittleEndian(body.AsSpan(12)) & Refused);
        Assert.Equal(1U << 20, BinaryPrimitives.ReadUInt32LittleEndian(body.AsSpan(20)));
        Assert.Equal(0U, BinaryPrimitives.ReadUInt32LittleEndian(guest.Init(flags: 0).Body.AsSpan(12)));
        Assert.Equal(0, guest.Call(FuseGuest.DESTROY, 0, []).Error);
        Assert.Equal(FuseGuest.EIO, guest.Getattr(FuseGuest.Root).Error);
    }

    [Fact]
    public void UrgentQueue_IsForForgetsOnly()
    {
        WriteFile("file", "");
        var node = Guest.Walk("data", "file").Node;
        var request = Guest.Request(FuseGuest.UNLINK, Data, FuseGuest.Bytes("file"));
        var output = Guest.Driver.Allocate(16);

        Assert.Equal(16U, Guest.Urgent.Send(new Part(Guest.Driver.Allocate(request), request.Length, false), new Part(output, 16, true)));

        Assert.Equal(-FuseGuest.EINVAL, BinaryPrimitives.ReadInt32LittleEndian(Guest.Driver.Memory.Slice(output + 4, 4)));
        Assert.Equal(0, Guest.Getattr(node).Error);
    }

    [Theory]
    [InlineData(FuseGuest.ACCESS)]
    [InlineData(FuseGuest.GETLK)]
    [InlineData(FuseGuest.IOCTL)]
    [InlineData(FuseGuest.POLL)]
    [InlineData(48U)]
    [InlineData(4096U)]
    [InlineData(uint.MaxValue)]
    public void OperationsThatAreNotServed_AreSaidToBeSo(uint opcode) => Assert.Equal(FuseGuest.ENOSYS, Guest.Call(opcode, Data, new byte[64]).Error);
}
