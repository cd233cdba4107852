using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Devices.Virtio.Block;
using Crisp.Kvm.Tests.Driver;
using Crisp.Linux;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio.Block;

public sealed class VirtioBlockTests : IDisposable
{
    private const uint In = 0, Out = 1, Flush = 4, GetId = 8;
    private const byte Ok = 0, IoError = 1, Unsupported = 2, Untouched = 0xEE;
    private const ulong InterruptStatus = 0x60, InterruptAck = 0x64;
    private const uint ConfigChanged = 2;
    private const ulong ReadOnly = 1 << 5, FlushFeature = 1 << 9;
    private const int Sectors = 64;

    private readonly List<VirtioDriver> _drivers = [];
    private readonly FileDescriptor _disk = Memfd.Create("crisp-test-disk");

    public VirtioBlockTests() => Files.WriteAll(_disk, [.. Enumerable.Range(0, Sectors).SelectMany(s => Enumerable.Repeat((byte)s, 512))]);

    [Fact]
    public void Configuration_SaysWhatTheDiskIs()
    {
        var driver = Create();
        Assert.Equal((2U, Sectors, 512U), (driver.Read(8), BinaryPrimitives.ReadInt64LittleEndian(driver.ReadBytes(0x100, 8)), driver.Read(0x114)));
        Assert.Equal(126U, driver.Read(0x10C));
        Assert.Equal([0, 0, 0, 0], driver.ReadBytes(0x1FC, 4));
        Assert.Equal(0UL, driver.Features() & ReadOnly);
        Assert.Equal(ReadOnly, Create(isReadOnly: true).Features() & ReadOnly);
    }

    [Fact]
    public void Written_IsReadAgain_AndInTheFile()
    {
        var driver = Create();
        var queue = driver.Start(FlushFeature, 16)[0];
        var data = driver.Allocate([.. Enumerable.Range(0, 1024).Select(i => (byte)(i * 7))]);
        var back = driver.Allocate(1024);

        Assert.Equal(Ok, Request(driver, queue, Out, 3, new Part(data, 1024, IsWritable: false)));
        Assert.Equal(Ok, Request(driver, queue, Flush, 0));
        Assert.Equal(Ok, Request(driver, queue, In, 3, new Part(back, 512, IsWritable: true), new Part(back + 512, 512, IsWritable: true)));

        var expected = driver.Memory.Slice(data, 1024).ToArray();
        Assert.Equal(expected, driver.Memory.Slice(back, 1024).ToArray());
        var file = new byte[512 * 4];
        Files.ReadAt(_disk, file, 512 * 2);
        Assert.Equal([.. Enumerable.Repeat((byte)2, 512), .. expected, .. Enumerable.Repeat((byte)5, 512)], file);
    }

    [Fact]
    public void Header_MayLieInPieces()
    {
        var driver = Create();
        var queue = driver.Start(0, 16)[0];
        var header = driver.Allocate(Header(In, 9));
        var data = driver.Allocate(513);

        Assert.Equal(513U, queue.Send(new Part(header, 3, false), new Part(header + 3, 13, false), new Part(data, 1, true), new Part(data + 1, 512, true)));

        Assert.Equal([.. Enumerable.Repeat((byte)9, 512), Ok], driver.Memory.Slice(data, 513).ToArray());
    }

    [Theory]
    [InlineData(Sectors, 512)]
    [InlineData(Sectors - 1, 1024)]
    [InlineData(-1L, 512)]
    [InlineData(long.MaxValue, 512)]
    [InlineData(long.MaxValue >> 9, 512)]
    [InlineData(0, 511)]
    [InlineData(0, 513)]
    public void WhatIsNotOnTheDisk_IsAnError_AndTouchesNothing(long sector, int length)
    {
        var driver = Create();
        var queue = driver.Start(0, 16)[0];
        var data = driver.Allocate([.. Enumerable.Repeat(Untouched, length)]);

        Assert.Equal(IoError, Request(driver, queue, Out, sector, new Part(data, length, IsWritable: false)));
        Assert.Equal(IoError, Request(driver, queue, In, sector, new Part(data, length, IsWritable: true)));

        Assert.All(driver.Memory.Slice(data, length).ToArray(), b => Assert.Equal(Untouched, b));
        Assert.Equal(512 * Sectors, Files.Status(_disk).Size);
        Assert.Equal(15U, driver.Status);
    }

    [Fact]
    public void ReadOnlyDisk_StaysSo_WhateverTheDriverAccepts()
    {
        // CVE-2026-24834: what must not change is not left to the guest's kernel.
        var driver = Create(isReadOnly: true);
        var queue = driver.Start(0, 16)[0];
        var data = driver.Allocate(new byte[512]);

        Assert.Equal(IoError, Request(driver, queue, Out, 1, new Part(data, 512, IsWritable: false)));
        Assert.Equal(Ok, Request(driver, queue, In, 1, new Part(data, 512, IsWritable: true)));

        Assert.All(driver.Memory.Slice(data, 512).ToArray(), b => Assert.Equal(1, b));
    }

    [Fact]
    public void ImageOfAnotherFormat_IsBytesLikeAnyOther()
    {
        // GHSA-jmr4-g2hv-mjj6: a guest wrote a qcow2 header whose backing file was the host's. Here a header means nothing.
        byte[] header = [(byte)'Q', (byte)'F', (byte)'I', 0xFB, 0, 0, 0, 3, .. new byte[504]];
        Files.WriteAt(_disk, header, 0);
        var driver = Create();
        var queue = driver.Start(0, 16)[0];
        var data = driver.Allocate(512);

        Assert.Equal(Ok, Request(driver, queue, In, 0, new Part(data, 512, IsWritable: true)));

        Assert.Equal(header, driver.Memory.Slice(data, 512).ToArray());
        Assert.Equal(Sectors, BinaryPrimitives.ReadInt64LittleEndian(driver.ReadBytes(0x100, 8)));
    }

    [Fact]
    public void Name_IsTheDisksSerialNumber()
    {
        var driver = Create();
        Assert.Equal("root", Serial(driver, driver.Start(0, 16)[0]));
    }

    [Theory]
    [InlineData(11U)]
    [InlineData(uint.MaxValue)]
    public void UnknownRequest_IsUnsupported(uint type)
    {
        var driver = Create();
        Assert.Equal(Unsupported, Request(driver, driver.Start(0, 16)[0], type, 0, new Part(driver.Allocate(512), 512, IsWritable: true)));
    }

    [Fact]
    public void RequestWithoutRoomForItsStatus_NeedsAReset()
    {
        var driver = Create();
        var queue = driver.Start(0, 16)[0];
        queue.Add(new Part(driver.Allocate(Header(Flush, 0)), 16, IsWritable: false));
        queue.Notify();

        driver.AssertComplains("A block request has no whole header, or no room for its status.");
    }

    [Fact]
    public void FileThatBecameShorter_IsAnErrorOfTheDisk()
    {
        var driver = Create();
        var queue = driver.Start(0, 16)[0];
        Files.Truncate(_disk, 512);

        Assert.Equal(IoError, Request(driver, queue, In, 8, new Part(driver.Allocate(512), 512, IsWritable: true)));
        Assert.Equal(Ok, Request(driver, queue, In, 0, new Part(driver.Allocate(512), 512, IsWritable: true)));
    }

    [Fact]
    public void ResetsWhileRequestsAreUnderWay_LeaveNothingBehind()
    {
        // CVE-2026-45782: a request outlived its queue.
        var driver = Create();
        var data = driver.Allocate(4096);
        for (var round = 0; round < 200; round++)
        {
            var queue = driver.Start(FlushFeature, 16)[0];
            var header = driver.Allocate(Header(In, round % 8));
            for (var i = 0; i < 4; i++)
            {
                queue.Add(new Part(header, 16, false), new Part(data, 4096, true), new Part(data, 1, true));
            }

            queue.Notify();
            driver.Write(0x70, 0);
            var after = queue.UsedIndex;
            driver.Memory.Slice(data, 4096).Fill(Untouched);
            Thread.Yield();
            Assert.Equal(after, queue.UsedIndex);
            Assert.All(driver.Memory.Slice(data, 4096).ToArray(), b => Assert.Equal(Untouched, b));
        }

        Assert.Null(driver.Failure);
    }

    [Fact]
    public void Slot_HasADisk_FromAttachToDetach()
    {
        var (driver, slot) = CreateSlot();
        var queue = driver.Start(FlushFeature, 16)[0];
        var data = driver.Allocate(512);
        Assert.Equal(0, Capacity(driver));
        Assert.Equal(IoError, Request(driver, queue, In, 0, new Part(data, 512, IsWritable: true)));
        Assert.Equal(IoError, Request(driver, queue, Flush, 0));
        Assert.Equal("slot", Serial(driver, queue));

        slot.Attach(_disk.Duplicate(), 512 * Sectors, isReadOnly: false);

        Assert.Equal((ConfigChanged, Sectors), (driver.Read(InterruptStatus) & ConfigChanged, Capacity(driver)));
        Assert.Equal(Ok, Request(driver, queue, In, 7, new Part(data, 512, IsWritable: true)));
        Assert.All(driver.Memory.Slice(data, 512).ToArray(), b => Assert.Equal(7, b));
        Assert.Equal(Ok, Request(driver, queue, Out, 8, new Part(data, 512, IsWritable: false)));
        Assert.Equal(Ok, Request(driver, queue, Flush, 0));

        driver.Write(InterruptAck, ConfigChanged);
        slot.Detach();

        Assert.Equal((ConfigChanged, 0), (driver.Read(InterruptStatus) & ConfigChanged, Capacity(driver)));
        Assert.Equal(IoError, Request(driver, queue, In, 7, new Part(data, 512, IsWritable: true)));
        Assert.Equal(IoError, Request(driver, queue, Out, 7, new Part(data, 512, IsWritable: false)));
        var file = new byte[512 * 3];
        Files.ReadAt(_disk, file, 512 * 7);
        Assert.Equal([.. Enumerable.Repeat((byte)7, 1024), .. Enumerable.Repeat((byte)9, 512)], file);
    }

    [Fact]
    public void Slot_KeepsItsDisk_OverAResetOfItsDriver_AndTakesOneBeforeThereIsADriver()
    {
        var (driver, slot) = CreateSlot();
        slot.Attach(_disk.Duplicate(), 512 * Sectors, isReadOnly: false);
        Assert.Equal(0U, driver.Read(InterruptStatus));
        for (var round = 0; round < 2; round++)
        {
            var queue = driver.Start(FlushFeature, 16)[0];
            Assert.Equal(Sectors, Capacity(driver));
            Assert.Equal(Ok, Request(driver, queue, In, 3, new Part(driver.Allocate(512), 512, IsWritable: true)));
            driver.Write(0x70, 0);
        }
    }

    [Fact]
    public void SlotsReadOnlyDisk_StaysSo_AlthoughNoFeatureSaysIt()
    {
        var (driver, slot) = CreateSlot();
        slot.Attach(_disk.Duplicate(), 512 * Sectors, isReadOnly: true);
        var queue = driver.Start(FlushFeature, 16)[0];
        var data = driver.Allocate(new byte[512]);
        Assert.Equal(0UL, driver.Features() & ReadOnly);
        Assert.Equal(IoError, Request(driver, queue, Out, 1, new Part(data, 512, IsWritable: false)));
        Assert.Equal(Ok, Request(driver, queue, In, 1, new Part(data, 512, IsWritable: true)));
        Assert.All(driver.Memory.Slice(data, 512).ToArray(), b => Assert.Equal(1, b));

        slot.Attach(_disk.Duplicate(), 512 * Sectors, isReadOnly: false);

        Assert.Equal(Ok, Request(driver, queue, Out, 2, new Part(data, 512, IsWritable: false)));
    }

    [Fact]
    public void Detach_ClosesTheDisk_WhenNoRequestIsUnderWay()
    {
        // Each request takes many reads, and gets all of them.
        const int Part = 512 << 10, Parts = 12, Rounds = 100;
        Files.Truncate(_disk, Parts * Part);
        var (driver, slot) = CreateSlot();
        var queue = driver.Start(FlushFeature, 16)[0];
        var header = driver.Allocate(Header(In, 0));
        var data = driver.Allocate(Part);
        var status = driver.Allocate(1);
        for (var round = 1; round <= Rounds; round++)
        {
            var file = _disk.Duplicate();
            slot.Attach(file, Parts * Part, isReadOnly: false);
            queue.Add([new(header, 16, false), .. Enumerable.Repeat(new Part(data, Part, true), Parts), new Part(status, 1, true)]);
            driver.Memory.Slice(data, 1)[0] = Untouched;
            queue.Notify();
            while (Volatile.Read(ref driver.Memory.Slice(data, 1)[0]) == Untouched && driver.Failure is null)
            {
                Thread.SpinWait(1);
            }

            slot.Detach();
            Assert.True(file.IsClosed);
            driver.WaitFor(() => queue.UsedIndex == round);
            Assert.Equal(Ok, driver.Memory.Slice(status, 1)[0]);
        }

        Assert.Equal(15U, driver.Status);
        slot.Detach();
    }

    public void Dispose()
    {
        _drivers.ForEach(d => d.Dispose());
        _disk.Dispose();
    }

    private static byte[] Header(uint type, long sector)
    {
        var header = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8), sector);
        return header;
    }

    private static byte Request(VirtioDriver driver, DriverQueue queue, uint type, long sector, params Part[] data)
    {
        var header = driver.Allocate(Header(type, sector));
        var status = driver.Allocate([Untouched]);
        queue.Send([new Part(header, 16, IsWritable: false), .. data, new Part(status, 1, IsWritable: true)]);
        return driver.Memory.Slice(status, 1)[0];
    }

    private static long Capacity(VirtioDriver driver) => BinaryPrimitives.ReadInt64LittleEndian(driver.ReadBytes(0x100, 8));

    private static string Serial(VirtioDriver driver, DriverQueue queue)
    {
        var data = driver.Allocate(20);
        Assert.Equal(Ok, Request(driver, queue, GetId, 0, new Part(data, 20, IsWritable: true)));
        return Encoding.ASCII.GetString(driver.Memory.Slice(data, 20)).TrimEnd('\0');
    }

    private (VirtioDriver Driver, VirtioBlock Slot) CreateSlot()
    {
        var slot = new VirtioBlock("slot");
        var driver = new VirtioDriver(slot);
        _drivers.Add(driver);
        return (driver, slot);
    }

    private VirtioDriver Create(bool isReadOnly = false)
    {
        var driver = new VirtioDriver(new VirtioBlock(_disk.Duplicate(), Files.Status(_disk).Size, isReadOnly, "root"));
        _drivers.Add(driver);
        return driver;
    }
}
