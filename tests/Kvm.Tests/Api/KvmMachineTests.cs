using Crisp.Kvm.Boot;
using Crisp.Kvm.Devices;
using Crisp.Kvm.Devices.Keyboard;
using Crisp.Kvm.Interop;
using Crisp.Kvm.Memory;
using Crisp.Linux;
using Xunit;

namespace Crisp.Kvm.Tests.Api;

/// <summary>What a machine's descriptor does, seen from a guest.</summary>
public sealed class KvmMachineTests
{
    [Fact]
    public void Registers_AreKept()
    {
        using var system = KvmNode.Open();
        using var machine = system.CreateMachine();
        using var vcpu = machine.CreateVcpu(0);

        vcpu.SetRegisters(new kvm_regs { rax = 1, r15 = 0x1234_5678_9ABC_DEF0, rip = 0xFFF0, rflags = 2 });
        var fpu = EntryState.Fpu();
        fpu.xmm[15][3] = 42;
        vcpu.SetFpu(fpu);
        const uint KernelGsBase = 0xC000_0102;
        vcpu.SetMsrs((KernelGsBase, 0x7FFF_1234_5678UL));

        Assert.Equal(0x1234_5678_9ABC_DEF0UL, vcpu.GetRegisters().r15);
        Assert.Equal(0x37F, vcpu.GetFpu().fcw);
        Assert.Equal(42, vcpu.GetFpu().xmm[15][3]);
        Assert.Equal(0x7FFF_1234_5678UL, vcpu.GetMsr(KernelGsBase));
        Assert.Equal(0U, vcpu.GetMpState());
    }

    [Fact]
    public void UnknownMsr_IsNamed()
    {
        using var system = KvmNode.Open();
        using var machine = system.CreateMachine();
        using var vcpu = machine.CreateVcpu(0);

        Assert.Equal("ioctl KVM_SET_MSRS 0x4b4d5659: EINVAL, invalid argument", Assert.Throws<LinuxException>(() => vcpu.SetMsrs((0x4B4D_5659U, 1UL))).Message);
    }

    [Fact]
    public void WrongArgument_NeverReachesTheKernel()
    {
        using var nothing = Files.Open("/dev/null", OpenFlags.ReadOnly);
        var value = 0U;
        Assert.Throws<ArgumentOutOfRangeException>(() => Ioctl.Call(nothing, KvmIoctl.KVM_GET_REGS, ref value));
        Assert.Throws<ArgumentOutOfRangeException>(() => Ioctl.Call(nothing, KvmIoctl.KVM_GET_REGS, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Ioctl.TryCall(nothing, KvmIoctl.KVM_SET_CPUID2, new byte[4], out _));
    }

    [Fact]
    public void DeviceTypes_AreAskedFor()
    {
        const uint ArmInterruptController = 5;
        using var system = KvmNode.Open();
        using var machine = system.CreateMachine();
        Assert.False(machine.HasDevice(ArmInterruptController));
        if (!machine.HasDevice(kvm_create_device.KVM_DEV_TYPE_VFIO))
        {
            Assert.Skip("this kernel has no VFIO, and no other device of KVM's");
        }

        using var device = machine.CreateDevice(kvm_create_device.KVM_DEV_TYPE_VFIO);
        Assert.False(device.HasAttribute(99, 0));
    }

    [Fact]
    public void ReadOnlyMemory_StaysAsItIs_AndTheGuestGoesOn()
    {
        byte[] code =
        [
            0xA1, 0, 0, 0, 0x80,    // mov  eax, [0x8000_0000]
            0xC7, 0x05, 0, 0, 0, 0x80, 0xFF, 0xFF, 0xFF, 0xFF, // mov dword [0x8000_0000], -1
            0x8B, 0x1D, 0, 0, 0, 0x80, // mov ebx, [0x8000_0000]
            0xF4,                   // hlt
        ];
        using var guest = new TestGuest(code, EntryMode.Protected);
        using var file = Memfd.Create("crisp-test-rom");
        Files.WriteAll(file, [1, 2, 3, 4, .. new byte[4092]]);
        using var rom = MemoryMapping.Map(file, 4096, writable: false);
        guest.Machine.AddReadOnlyMemory(0x8000_0000, rom);

        Assert.Equal(VmOutcome.Halted, guest.Run().Outcome);

        var registers = guest.Machine.Vcpus[0].GetRegisters();
        Assert.Equal((0x0403_0201UL, 0x0403_0201UL), (registers.rax, registers.rbx));
        Assert.Equal(1, guest.Machine.Report().Vcpus[0].Exits["mmio"]);
    }

    [Fact]
    public void Ioeventfd_IsSignalledWithoutAnExit_AndOnlyByItsValue()
    {
        byte[] code =
        [
            0xC7, 0x05, 0, 0, 0, 0xD0, 1, 0, 0, 0, // mov dword [0xD000_0000], 1
            0xC7, 0x05, 0, 0, 0, 0xD0, 2, 0, 0, 0, // mov dword [0xD000_0000], 2
            0xF4,                                  // hlt
        ];
        using var guest = new TestGuest(code, EntryMode.Protected);
        var notice = guest.Machine.CreateNotice(0xD000_0000, match: 1);

        Assert.Equal(VmOutcome.Halted, guest.Run().Outcome);

        Assert.Equal(1UL, notice.Drain());
        Assert.Equal(1, guest.Machine.Report().Vcpus[0].Exits["mmio"]);
    }

    [Fact]
    public void Dispose_ThatHasFailed_CanBeTriedAgain()
    {
        using var guest = new TestGuest([0xF4], EntryMode.Protected);
        var (first, stuck) = (guest.Machine.Own(new Stuck { Failures = 0 }), guest.Machine.Own(new Stuck { Failures = 2 }));

        Assert.Throws<InvalidOperationException>(guest.Machine.Dispose);
        Assert.Throws<InvalidOperationException>(guest.Machine.Dispose);
        Assert.Equal(0, first.Calls);
        guest.Machine.Dispose();
        Assert.Equal((1, 3), (first.Calls, stuck.Calls));
        guest.Machine.Dispose();
        Assert.Equal((1, 3), (first.Calls, stuck.Calls));
    }

    [Fact]
    public void Irqfd_InterruptsTheGuest()
    {
        byte[] code =
        [
            // The handler of vector 0x0C, IRQ 4: 0x0000:0x8100.
            0xC7, 0x06, 0x30, 0x00, 0x00, 0x81, // mov  word [0x30], 0x8100
            0xC7, 0x06, 0x32, 0x00, 0x00, 0x00, // mov  word [0x32], 0
            // The first PIC: edge-triggered, vectors from 8, a second one at line 2, 8086 mode; only line 4 open.
            0xB0, 0x11, 0xE6, 0x20,             // mov  al, 0x11; out 0x20, al
            0xB0, 0x08, 0xE6, 0x21,             // mov  al, 8;    out 0x21, al
            0xB0, 0x04, 0xE6, 0x21,             // mov  al, 4;    out 0x21, al
            0xB0, 0x01, 0xE6, 0x21,             // mov  al, 1;    out 0x21, al
            0xB0, 0xEF, 0xE6, 0x21,             // mov  al, 0xEF; out 0x21, al
            0xB0, (byte)'r', 0xE6, 0x80,        // mov  al, 'r';  out 0x80, al
            0xFB,                               // sti
            0xF4,                               // 1: hlt
            0xEB, 0xFD,                         // jmp  1b
        ];
        byte[] handler = [0xB0, 0xFE, 0xE6, 0x64, 0xCF]; // mov al, 0xFE; out 0x64, al; iret
        using var system = KvmNode.Open();
        using var machine = new VirtualMachine(system, new MachineShape(1, 4 << 20, HasIrqchip: true));
        using var ready = new ManualResetEventSlim();
        machine.Ports.Add(0x80, 1, new Ready(ready));
        machine.Ports.Add(I8042.Port, I8042.Ports, new I8042(() => machine.End(VmOutcome.Reset, "interrupted")));
        code.CopyTo(machine.Memory.Slice(0x8000, code.Length));
        handler.CopyTo(machine.Memory.Slice(0x8100, handler.Length));
        var special = machine.Vcpus[0].GetSpecialRegisters();
        EntryState.SetSpecialRegisters(ref special, EntryMode.Real, 0);
        machine.Vcpus[0].SetSpecialRegisters(special);
        machine.Vcpus[0].SetRegisters(new kvm_regs { rip = 0x8000, rsp = 0x7000, rflags = 2 });
        var interrupt = machine.CreateInterrupt(4);

        machine.Start();
        Assert.True(ready.Wait(TestGuest.Patience));
        Assert.Null(machine.Outcome);
        interrupt.Raise();

        Assert.Equal("interrupted", machine.WaitForEnd(TestGuest.Patience)?.Sentence);
    }

    [Fact]
    public void MemoryAboveTheHole_IsReached()
    {
        using var guest = new TestGuest(
            [
                0x48, 0xB8, 0, 0, 0, 0xBF, 0, 0, 0, 0, // mov rax, 0xBF00_0000
                0xC6, 0x00, 0x2A,                      // mov byte [rax], 42
                0xF4,                                  // hlt
            ],
            memory: 4L << 30);
        Assert.Equal([new MemoryRange(0, 3L << 30, 0), new MemoryRange(4UL << 30, 1L << 30, 3L << 30)], guest.Machine.Memory.Ranges);

        Assert.Equal(VmOutcome.Halted, guest.Run().Outcome);

        Assert.Equal(42, guest.Machine.Memory.Slice(0xBF00_0000, 1)[0]);
    }

    private sealed class Ready(ManualResetEventSlim signal) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data) => signal.Set();
    }

    private sealed class Stuck : IDisposable
    {
        internal int Calls { get; private set; }

        internal int Failures { get; init; }

        public void Dispose()
        {
            if (++Calls <= Failures)
            {
                throw new InvalidOperationException("Not yet.");
            }
        }
    }
}
