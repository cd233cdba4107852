using Crisp.Kvm.Api;
using Crisp.Kvm.Devices;
using Crisp.Kvm.Interop;

namespace Crisp.Kvm.Vcpus;

/// <summary>What becomes of a processor after an exit.</summary>
internal enum ExitAction
{
    Continue,

    /// <summary>It has halted, and no interrupt can wake it.</summary>
    Halt,

    /// <summary>The machine ends.</summary>
    End,
}

/// <summary>Carries out what a processor left the guest for.</summary>
internal sealed class ExitHandler(Bus ports, Bus memory)
{
    /// <param name="end">With <see cref="ExitAction.End"/>, how.</param>
    internal ExitAction Handle(int id, KvmVcpu vcpu, KvmExitReason reason, out VmEnd? end)
    {
        end = null;
        switch (reason)
        {
            case KvmExitReason.IO:
                Port(vcpu);
                return ExitAction.Continue;
            case KvmExitReason.MMIO:
                Memory(vcpu);
                return ExitAction.Continue;
            case KvmExitReason.INTR:
                return ExitAction.Continue;
            case KvmExitReason.HLT:
                return ExitAction.Halt;
            case KvmExitReason.SHUTDOWN:
                end = new VmEnd(VmOutcome.TripleFault, $"Processor {id} met a triple fault at 0x{vcpu.GetRegisters().rip:x}.");
                return ExitAction.End;
            case KvmExitReason.SYSTEM_EVENT:
                end = SystemEvent(id, vcpu.Exit.system_event_type);
                return ExitAction.End;
            default:
                end = new VmEnd(VmOutcome.Failed, ExitDescription.Describe(id, vcpu, reason));
                return ExitAction.End;
        }
    }

    private static VmEnd SystemEvent(int id, uint type)
    {
        // KVM_SYSTEM_EVENT_SHUTDOWN, _RESET, _CRASH.
        return type switch
        {
            1 => new VmEnd(VmOutcome.PoweredOff, $"Processor {id} switched the machine off."),
            2 => new VmEnd(VmOutcome.Reset, $"Processor {id} reset the machine."),
            3 => new VmEnd(VmOutcome.Failed, $"Processor {id} reported that the guest has crashed."),
            _ => new VmEnd(VmOutcome.Failed, $"Processor {id} caused the system event {type}, which this monitor does not know."),
        };
    }

    private void Port(KvmVcpu vcpu)
    {
        var (isOut, size, port) = (vcpu.Exit.io_direction != 0, vcpu.Exit.io_size, vcpu.Exit.io_port);
        // String instructions bring several values at once.
        for (var data = vcpu.IoData; data.Length >= size; data = data[size..])
        {
            if (isOut)
            {
                ports.Write(port, data[..size]);
            }
            else
            {
                ports.Read(port, data[..size]);
            }
        }
    }

    private void Memory(KvmVcpu vcpu)
    {
        ref var exit = ref vcpu.Exit;
        Span<byte> data = exit.mmio_data;
        data = data[..(int)Math.Min(exit.mmio_len, (uint)data.Length)];
        if (exit.mmio_is_write != 0)
        {
            memory.Write(exit.mmio_phys_addr, data);
        }
        else
        {
            memory.Read(exit.mmio_phys_addr, data);
        }
    }
}
