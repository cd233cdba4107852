using Crisp.Kvm.Api;
using Crisp.Kvm.Interop;

namespace Crisp.Kvm.Vcpus;

/// <summary>Sentences about exits after which a guest cannot go on.</summary>
internal static class ExitDescription
{
    internal static string Describe(int id, KvmVcpu vcpu, KvmExitReason reason)
    {
        var where = $"Processor {id} stopped at 0x{vcpu.GetRegisters().rip:x}";
        ref var exit = ref vcpu.Exit;
        return reason switch
        {
            KvmExitReason.UNKNOWN => $"{where}: the hardware reported the exit 0x{exit.hw_hardware_exit_reason:x}, which KVM does not know.",
            KvmExitReason.FAIL_ENTRY =>
                $"{where}: the hardware refused to enter the guest (reason 0x{exit.fail_entry_hardware_entry_failure_reason:x} on CPU {exit.fail_entry_cpu}).",
            KvmExitReason.INTERNAL_ERROR => $"{where}: {InternalError(ref exit)}",
            KvmExitReason.X86_RDMSR or KvmExitReason.X86_WRMSR =>
                $"{where}: KVM gave the monitor the register 0x{exit.msr_index:x} (reason {exit.msr_reason}), which it did not ask for.",
            _ when Enum.IsDefined(reason) => $"{where}: KVM reported KVM_EXIT_{reason}, which this monitor never asks for.",
            _ => $"{where}: KVM reported the exit {(uint)reason}, which this monitor does not know.",
        };
    }

    private static string InternalError(ref kvm_run exit)
    {
        // KVM_INTERNAL_ERROR_EMULATION, _SIMUL_EX, _DELIVERY_EV, _UNEXPECTED_EXIT_REASON.
        switch (exit.internal_suberror)
        {
            case 1 when exit.internal_ndata >= 1 && (exit.emulation_failure_flags & 1) != 0:
                ReadOnlySpan<byte> bytes = exit.emulation_failure_insn_bytes;
                var length = Math.Min(exit.emulation_failure_insn_size, (byte)bytes.Length);
                return $"KVM cannot emulate the instruction {Convert.ToHexStringLower(bytes[..length])}.";
            case 1:
                return "KVM cannot emulate an instruction.";
            case 2:
                return "an exception came while KVM emulated another.";
            case 3:
                return "delivering an interrupt or exception failed.";
            case 4:
                return "the hardware left the guest for a reason that KVM does not expect.";
            default:
                return $"KVM had the internal error {exit.internal_suberror}.";
        }
    }
}
