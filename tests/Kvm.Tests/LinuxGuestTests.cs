using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Boot;
using Crisp.Kvm.Tests.Boot.Linux;
using Crisp.Linux;
using Xunit;

namespace Crisp.Kvm.Tests;

/// <summary>Kernels of distributions, to their init and down again.</summary>
public sealed class LinuxGuestTests
{
    private const string Variable = "CRISP_TEST_KERNEL";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(15);

    [Fact]
    public void Kernel_StartsItsInit_AndSwitchesTheMachineOff()
    {
        var path = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipUnless(path is not null, $"needs {Variable}=a vmlinux or bzImage, and a KVM that runs kernels (the test VM has both)");
        using var system = KvmNode.Open();
        using var kernel = Files.Open(path, OpenFlags.ReadOnly);
        using var initramfs = TestGuest.Image(InitramfsTests.Write(a =>
        {
            a.AddDirectory("dev");
            a.AddCharacterDevice("dev/console", 5, 1);
            a.AddFile("init", Init("init runs\n"), 0x1ED);
        }));
        var console = new StringBuilder();
        using var disk = Memfd.Create("crisp-test-disk");
        Files.Truncate(disk, 1 << 20);
        using var guest = LinuxGuest.Create(
            system,
            new LinuxGuestOptions(2, 256 << 20, "console=ttyS0 panic=-1") { Disks = [new DiskSource(disk.Duplicate(), IsReadOnly: true, "disk0")] },
            new BootFile(kernel, path),
            new BootFile(initramfs, "test"),
            bytes =>
            {
                lock (console)
                {
                    console.Append(Encoding.Latin1.GetString(bytes));
                }
            });

        guest.Machine.Start();
        var end = guest.Machine.WaitForEnd(s_patience);
        string said;
        lock (console)
        {
            said = console.ToString();
        }

        Assert.True(end?.Outcome == VmOutcome.PoweredOff, $"{end?.Sentence ?? "It did not end."} {guest.Machine.Report().ToText()}\n{said[^Math.Min(said.Length, 4000)..]}");
        Assert.Contains("init runs", said, StringComparison.Ordinal);
        Assert.Contains("smp: Brought up 1 node, 2 CPUs", said, StringComparison.Ordinal);
    }

    [Fact]
    public void KernelThatIsNone_AndInitramfsThatDoesNotFit_AreNamed()
    {
        using var system = KvmNode.Open();
        using var none = TestGuest.Image(new byte[8192]);
        Assert.Equal("The kernel none is neither a vmlinux (ELF) nor a bzImage.", Refusal(none, null));

        using var kernel = TestGuest.Image(KernelImageTests.Elf());
        using var large = Memfd.Create("crisp-test-initramfs");
        Files.Truncate(large, 7 << 20);
        Assert.Equal(
            "The initramfs large of 7340032 bytes does not fit behind the kernel into 8388608 bytes of memory. Give the machine more (--memory).",
            Refusal(kernel, new BootFile(large, "large")));

        string Refusal(FileDescriptor file, BootFile? initrd) => Assert.Throws<ImageLoadException>(
            () => LinuxGuest.Create(system, new LinuxGuestOptions(1, 8 << 20, ""), new BootFile(file, "none"), initrd, _ => { })).Message;
    }

    /// <summary>A static program that writes a text and switches the machine off.</summary>
    private static byte[] Init(string text)
    {
        byte[] code =
        [
            0xB8, 1, 0, 0, 0,                   // mov  eax, 1            write
            0xBF, 1, 0, 0, 0,                   // mov  edi, 1
            0x48, 0x8D, 0x35, 36, 0, 0, 0,      // lea  rsi, [rip + 36]   the text
            0xBA, (byte)text.Length, 0, 0, 0,   // mov  edx, its length
            0x0F, 0x05,                         // syscall
            0xB8, 169, 0, 0, 0,                 // mov  eax, 169          reboot
            0xBF, 0xAD, 0xDE, 0xE1, 0xFE,       // mov  edi, LINUX_REBOOT_MAGIC1
            0xBE, 0x69, 0x19, 0x12, 0x28,       // mov  esi, LINUX_REBOOT_MAGIC2
            0xBA, 0xDC, 0xFE, 0x21, 0x43,       // mov  edx, LINUX_REBOOT_CMD_POWER_OFF
            0x4D, 0x31, 0xD2,                   // xor  r10, r10
            0x0F, 0x05,                         // syscall
            0xEB, 0xFE,                         // jmp  .
            0x90, 0x90,
            .. Encoding.ASCII.GetBytes(text),
        ];
        const ulong Address = 0x40_0000;
        const int HeadersSize = 64 + 56;
        var image = new byte[HeadersSize + code.Length];
        byte[] identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identification.CopyTo(image, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(16), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(18), 62);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(20), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(24), Address + HeadersSize);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(52), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(56), 1);
        var segment = image.AsSpan(64);
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 5);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)image.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)image.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], 0x1000);
        code.CopyTo(image, HeadersSize);
        return image;
    }
}
