using System.Runtime.InteropServices;
using Crisp.Kvm.Devices.Virtio;
using Crisp.Kvm.Devices.Virtio.Balloon;
using Crisp.Kvm.Devices.Virtio.Block;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Kvm.Devices.Virtio.Rng;
using Crisp.Kvm.Memory;
using Crisp.Kvm.Tests.Driver;
using Crisp.Linux;
using CsCheck;
using Xunit;

namespace Crisp.Kvm.Tests.Devices.Virtio;

/// <summary>Anything that a driver can put into memory or registers ends in a complaint at worst. Corpus/virtio.txt has the form.</summary>
public sealed class VirtioFuzzTests
{
    private const int Descriptors = 8, DescriptorLength = 6;
    private const ulong TableAddress = 0x1000, AvailableAddress = 0x1080, UsedAddress = 0x10A0, Buffers = 0x2_0000;
    private static readonly QueueLayout s_layout = new(Descriptors, TableAddress, AvailableAddress, UsedAddress);

    public static TheoryData<string> Corpus => [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Corpus/virtio.txt")).Where(l => l.Length > 0 && l[0] != '#')];

    [Theory]
    [MemberData(nameof(Corpus))]
    public void KeptInput_IsHarmless(string line) => Run(Convert.FromHexString(line.Replace(" ", "", StringComparison.Ordinal)));

    [Fact]
    public void AnyDescriptors_AreHarmless() => Gen.Byte.Array[1, 120].Sample(Run, iter: 3000);

    [Fact]
    public void DescriptorsThatAreNearlyRight_AreHarmless()
    {
        var descriptor = Gen.Select(Gen.Byte[0, 0x41], Gen.Byte[0, 16], Gen.Byte[0, 3], Gen.Byte[0, 9]).Select(d => new byte[] { d.Item1, 0, d.Item2, d.Item3, d.Item4, 0 });
        Gen.Select(Gen.Byte[0, 2], descriptor.Array[Descriptors], Gen.Byte[0, 9], Gen.Byte[0, 9].Array[9], Gen.Byte.Array[0, 40])
            .Select(i => (byte[])[i.Item1, .. i.Item2.SelectMany(d => d), i.Item3, .. i.Item4, .. i.Item5])
            .Sample(Run, iter: 3000);
    }

    [Fact]
    public void AnyRegisters_AreHarmless_AndAResetHelps()
    {
        var access = Gen.Select(Gen.Bool, Gen.OneOf(Gen.Int[0, 0x1FF], Gen.Int[0, 0x7F].Select(o => o & ~3)), Gen.Int[0, 5].Select(i => new[] { 1, 2, 4, 4, 4, 8 }[i]), Gen.OneOf(Gen.UInt[0, 15], Gen.UInt));
        access.Array[0, 60].Sample(
            accesses =>
            {
                using var driver = new VirtioDriver(new VirtioRng(), GuestMemory.Create(1 << 20));
                foreach (var (isWrite, offset, length, value) in accesses)
                {
                    if (isWrite)
                    {
                        driver.WriteBytes((ulong)offset, [.. BitConverter.GetBytes((ulong)value)[..length]]);
                    }
                    else
                    {
                        driver.ReadBytes((ulong)offset, length);
                    }
                }

                var queue = driver.Start(0, 4)[0];
                Assert.Equal(8U, queue.Send(new Part(driver.Allocate(8), 8, IsWritable: true)));
            },
            iter: 150,
            threads: 1);
    }

    private static void Run(byte[] input)
    {
        using var memory = GuestMemory.Create(0x4_0000);
        using var disk = Memfd.Create("crisp-test-disk");
        Files.Truncate(disk, 16 * 512);
        var device = (input[0] % 3) switch
        {
            0 => (IVirtioDevice)new VirtioRng(),
            1 => new VirtioBlock(disk.Duplicate(), 16 * 512, isReadOnly: false, "fuzz"),
            _ => new VirtioBalloon(memory),
        };
        using var owned = device as IDisposable;
        Write(memory, input.AsSpan(1));
        try
        {
            var queues = device.QueueSizes.Select((_, i) => i == 0 ? new VirtQueue(memory, s_layout, () => { }) : null).ToList();
            device.Activate(VirtioFeature.Version1, queues, null!);
            device.Process(0);
        }
        catch (Exception e) when (e is VirtioException or GuestMemoryException)
        {
            Assert.NotEmpty(e.Message);
        }
        finally
        {
            device.Reset();
        }

        Assert.Equal(16 * 512, Files.Status(disk).Size);
    }

    private static void Write(GuestMemory memory, ReadOnlySpan<byte> input)
    {
        for (var at = 0; at < Descriptors && input.Length >= DescriptorLength; at++, input = input[DescriptorLength..])
        {
            var flags = input[3];
            var address = ((ulong)input[0] << 12) + input[5] + ((flags & 8) != 0 ? 1UL << 63 : 0);
            var length = (uint)(input[1] | input[2] << 8) + ((flags & 16) != 0 ? 1U << 31 : 0);
            var entry = memory.Slice(TableAddress + (ulong)(16 * at), 16);
            MemoryMarshal.Write(entry, address);
            MemoryMarshal.Write(entry[8..], length);
            MemoryMarshal.Write(entry[12..], (ushort)(flags & 7));
            MemoryMarshal.Write(entry[14..], (ushort)input[4]);
        }

        var heads = input.Length > 0 ? input[0] : 0;
        input = input.Length > 0 ? input[1..] : input;
        var given = Math.Min(Math.Min(heads, input.Length), Descriptors);
        for (var at = 0; at < given; at++)
        {
            MemoryMarshal.Write(memory.Slice(AvailableAddress + 4 + (ulong)(2 * at), 2), (ushort)input[at]);
        }

        MemoryMarshal.Write(memory.Slice(AvailableAddress + 2, 2), (ushort)heads);
        input = input[given..];
        input[..Math.Min(input.Length, 0x1000)].CopyTo(memory.Slice(Buffers, 0x1000));
    }
}
