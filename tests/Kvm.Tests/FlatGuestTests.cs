using System.Text.Json;
using Crisp.Kvm.Boot;
using Crisp.Kvm.Boot.Linux;
using Xunit;

namespace Crisp.Kvm.Tests;

public sealed class FlatGuestTests
{
    /// <summary>jmp to itself, in every mode.</summary>
    private static readonly byte[] s_spin = [0xEB, 0xFE];

    [Theory]
    [InlineData(EntryMode.Protected)]
    [InlineData(EntryMode.Long)]
    public void Hello_SaysItAndHalts(EntryMode mode)
    {
        using var guest = new TestGuest(HelloGuest.Image, mode);

        Assert.Equal(VmOutcome.Halted, guest.Run().Outcome);

        Assert.Equal(HelloGuest.Text, guest.Sent);
        var exits = guest.Machine.Report().Vcpus.Single().Exits;
        Assert.Equal(HelloGuest.Text.Length, exits["io"]);
        Assert.Equal(1, exits["hlt"]);
    }

    [Fact]
    public void SystemCall_ReachesTheGuestsKernel()
    {
        using var guest = new TestGuest(SyscallGuest.Image);

        var end = guest.Run();

        // There is no user left to fault: who executed OUT was not made the kernel.
        Assert.SkipWhen(end.Sentence == "Processor 0 met a triple fault at 0x10005f.", "this machine's KVM does not change rings at SYSCALL (the test VM's does)");
        Assert.Equal((VmOutcome.Halted, SyscallGuest.Text), (end.Outcome, guest.Sent));
    }

    [Theory]
    [InlineData(0x10_0000UL, 0x10)]
    [InlineData(0x8000UL, 0x00)]
    public void RealMode_StartsWhereTheImageIs(ulong loadAt, byte offset)
    {
        byte[] code =
        [
            0xBE, (byte)(offset + 12), 0x00, //    mov  si, text
            0xBA, 0xF8, 0x03,                //    mov  dx, 0x3F8
            0xB9, 0x03, 0x00,                //    mov  cx, 3
            0xF3, 0x6E,                      //    rep outsb
            0xF4,                            //    hlt
            .. "16b"u8,
        ];
        using var guest = new TestGuest(code, EntryMode.Real, loadAt: loadAt);

        Assert.Equal(VmOutcome.Halted, guest.Run().Outcome);

        Assert.Equal("16b", guest.Sent);
    }

    [Fact]
    public void LongMode_ReallyIsLongMode_WithAStack()
    {
        byte[] code =
        [
            0x48, 0xB8, 0, 0, 0, 0, 1, 0, 0, 0, // mov  rax, 0x1_0000_0000
            0x50,                               // push rax
            0x5B,                               // pop  rbx
            0x48, 0x39, 0xD8,                   // cmp  rax, rbx
            0x75, 0x08,                         // jne  2f
            0xB0, (byte)'y',                    // mov  al, 'y'
            0x66, 0xBA, 0xF8, 0x03,             // mov  dx, 0x3F8
            0xEE,                               // out  dx, al
            0xF4,                               // hlt
            0x0F, 0x0B,                         // 2: ud2
        ];
        using var guest = new TestGuest(code);

        Assert.Equal(VmOutcome.Halted, guest.Run().Outcome);

        Assert.Equal("y", guest.Sent);
        Assert.Equal(0x1_0000_0000UL, guest.Machine.Vcpus[0].GetRegisters().rbx);
    }

    [Fact]
    public void TripleFault_EndsTheMachineAndSaysWhere()
    {
        // ud2 without an interrupt descriptor table.
        using var guest = new TestGuest([0x0F, 0x0B]);

        var end = guest.Run();

        Assert.Equal(VmOutcome.TripleFault, end.Outcome);
        Assert.Equal("Processor 0 met a triple fault at 0x100000.", end.Sentence);
    }

    [Fact]
    public void BiosEntry_ResetsTheMachine()
    {
        byte[] code =
        [
            0xEA, 0xF0, 0xFF, 0x00, 0xF0, // ljmp 0xF000:0xFFF0
        ];
        using var guest = new TestGuest(code, EntryMode.Real);
        ResetVector.Write(guest.Machine.Memory);
        Assert.Equal(VmOutcome.Reset, guest.Run().Outcome);
    }

    [Fact]
    public void KeyboardController_ResetsTheMachine()
    {
        // mov al, 0xFE; out 0x64, al; jmp .
        using var guest = new TestGuest([0xB0, 0xFE, 0xE6, 0x64, 0xEB, 0xFE]);

        Assert.Equal(VmOutcome.Reset, guest.Run().Outcome);
    }

    [Fact]
    public void SleepControl_SwitchesTheMachineOff()
    {
        // mov dx, 0x600; mov al, SLP_EN | 5 << 2; out dx, al; jmp .
        using var guest = new TestGuest([0x66, 0xBA, 0x00, 0x06, 0xB0, 0x34, 0xEE, 0xEB, 0xFE]);

        Assert.Equal(VmOutcome.PoweredOff, guest.Run().Outcome);
    }

    [Fact]
    public void SerialInput_ReachesTheGuest_HoweverMuch()
    {
        byte[] echo =
        [
            0x66, 0xBA, 0xFD, 0x03, // 1: mov  dx, 0x3FD
            0xEC,                   //    in   al, dx
            0xA8, 0x01,             //    test al, 1
            0x74, 0xF7,             //    jz   1b
            0x66, 0xBA, 0xF8, 0x03, //    mov  dx, 0x3F8
            0xEC,                   //    in   al, dx
            0xEE,                   //    out  dx, al
            0x3C, (byte)'.',        //    cmp  al, '.'
            0x75, 0xED,             //    jne  1b
            0xF4,                   //    hlt
        ];
        var text = string.Concat(Enumerable.Range(0, 40).Select(n => $"{n},")) + ".";
        using var guest = new TestGuest(echo);
        guest.Machine.Start();

        Assert.True(guest.Guest.Receive(System.Text.Encoding.ASCII.GetBytes(text)));

        Assert.Equal(VmOutcome.Halted, guest.Machine.WaitForEnd(TestGuest.Patience)?.Outcome);
        Assert.Equal(text, guest.Sent);
        Assert.False(guest.Guest.Receive("more"u8));
    }

    [Fact]
    public void Spinning_IsPausedResumedAndStopped()
    {
        byte[] counting =
        [
            0xB0, (byte)'g',        //    mov  al, 'g'
            0x66, 0xBA, 0xF8, 0x03, //    mov  dx, 0x3F8
            0xEE,                   //    out  dx, al
            0xFF, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, // 1: inc dword [0x200000]
            0xEB, 0xF7,             //    jmp  1b
        ];
        using var guest = new TestGuest(counting);
        var machine = guest.Machine;
        Assert.False(machine.Pause());
        machine.Start();
        guest.WaitFor("g");

        Assert.True(machine.Pause());
        var paused = Counter(machine);
        Thread.Sleep(100);
        Assert.Equal(paused, Counter(machine));
        Assert.Equal("paused", machine.Report().State);
        Assert.False(machine.Pause());
        Assert.True(machine.Resume());
        Assert.False(machine.Resume());
        Assert.True(SpinWait.SpinUntil(() => Counter(machine) != paused, TestGuest.Patience));
        machine.Stop("enough");

        Assert.Equal(new VmEnd(VmOutcome.Stopped, "enough"), machine.WaitForEnd(TestGuest.Patience));
        var report = machine.Report();
        Assert.Equal(1, report.Pauses);
        Assert.InRange(report.PausedSeconds, 0.1, 60);
        Assert.True(report.Vcpus.Single().Exits["interrupted"] >= 1);
    }

    [Fact]
    public void ManyKicks_NeverLoseOne()
    {
        using var guest = new TestGuest(s_spin, vcpus: 2);
        guest.Machine.Start();

        for (var round = 0; round < 300; round++)
        {
            Assert.True(guest.Machine.Pause());
            Assert.True(guest.Machine.Resume());
        }

        guest.Machine.Stop("enough");
        Assert.Equal(300, guest.Machine.Report().Pauses);
    }

    [Fact]
    public void ThirtyTwoProcessors_RunAtOnceAndAllAreCounted()
    {
        byte[] code =
        [
            0xF0, 0xFF, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, //    lock inc dword [0x200000]
            0x83, 0x3C, 0x25, 0x00, 0x00, 0x20, 0x00, 0x20, // 1: cmp  dword [0x200000], 32
            0x75, 0xF6,                                     //    jne  1b
            0x89, 0x3C, 0xBD, 0x00, 0x10, 0x20, 0x00,       //    mov  [0x201000 + rdi * 4], edi
            0xF4,                                           //    hlt
        ];
        using var guest = new TestGuest(code, vcpus: 32);

        Assert.Equal(VmOutcome.Halted, guest.Run().Outcome);

        var numbers = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, int>(guest.Machine.Memory.Slice(0x20_1000, 32 * 4)).ToArray();
        Assert.Equal(Enumerable.Range(0, 32), numbers);
        Assert.Equal(32, guest.Machine.Report().Vcpus.Count(v => v.Exits["hlt"] == 1));
    }

    [Fact]
    public void SixtyFourMachines_RunAtOnce()
    {
        // Each waits for a word before it speaks, so that all are there together.
        byte[] wait =
        [
            0x80, 0x3C, 0x25, 0x00, 0x00, 0x1F, 0x00, 0x00, // 1: cmp byte [0x1F0000], 0
            0x74, 0xF6,                                     //    je  1b
        ];
        byte[] hello = [.. HelloGuest.Image];
        hello[2] += (byte)wait.Length; // mov esi, text
        var guests = new List<TestGuest>();
        try
        {
            guests.AddRange(Enumerable.Range(0, 64).Select(_ => new TestGuest([.. wait, .. hello], memory: FlatGuest.LeastMemory)));
            guests.ForEach(g => g.Machine.Start());
            Assert.All(guests, g => Assert.Equal("running", g.Machine.Report().State));
            guests.ForEach(g => g.Machine.Memory.Slice(0x1F_0000, 1)[0] = 1);

            Assert.All(guests, g => Assert.Equal(VmOutcome.Halted, g.Machine.WaitForEnd(TestGuest.Patience)?.Outcome));

            Assert.All(guests, g => Assert.Equal(HelloGuest.Text, g.Sent));
        }
        finally
        {
            guests.ForEach(g => g.Dispose());
        }
    }

    [Theory]
    [InlineData(EntryMode.Long, 0x5000UL, 100, "The image test cannot be loaded at 0x5000: below 0x90000 are the descriptor table, page tables and stacks of this mode.")]
    [InlineData(EntryMode.Real, 0x11_0000UL, 100, "The image test cannot start at 0x110000 in real mode, which reaches 0x10ffef. Load it lower (--load-at).")]
    [InlineData(EntryMode.Long, 0x10_0000UL, 0, "The image test is empty.")]
    [InlineData(EntryMode.Long, 0x3F_FFF0UL, 100,
        "The image test has 100 bytes and does not fit at 0x3ffff0 into a memory of 4194304 bytes. Give the machine more (--memory).")]
    public void Image_ThatDoesNotFit_IsRefused(EntryMode mode, ulong loadAt, int length, string sentence)
        => Assert.Equal(sentence, Assert.Throws<ImageLoadException>(() => new TestGuest(new byte[length], mode, loadAt: loadAt)).Message);

    [Fact]
    public void Report_IsJson()
    {
        using var guest = new TestGuest([0xF4]);
        Assert.Equal("ready", Parse(guest).GetProperty("state").GetString());
        guest.Run();

        var report = Parse(guest);
        Assert.Equal("halted", report.GetProperty("outcome").GetString());
        Assert.Equal(4 << 20, report.GetProperty("memoryBytes").GetInt64());
        Assert.Equal(1, report.GetProperty("vcpus")[0].GetProperty("exits").GetProperty("hlt").GetInt64());
    }

    private static JsonElement Parse(TestGuest guest) => JsonDocument.Parse(guest.Machine.Report().ToJson()).RootElement;

    private static uint Counter(VirtualMachine machine) => BitConverter.ToUInt32(machine.Memory.Slice(0x20_0000, 4));
}
