using Crisp.Kvm.Api;
using Crisp.Kvm.Interop;
using Crisp.Kvm.Vcpus;
using Xunit;

namespace Crisp.Kvm.Tests.Vcpus;

/// <summary>What the kernel would write to the shared page is written there by the test.</summary>
public sealed class ExitDescriptionTests : IDisposable
{
    private readonly KvmSystem _system = KvmNode.Open();
    private readonly KvmMachine _machine;
    private readonly KvmVcpu _vcpu;

    public ExitDescriptionTests()
    {
        _machine = _system.CreateMachine();
        _vcpu = _machine.CreateVcpu(0);
        _vcpu.SetRegisters(new kvm_regs { rip = 0x1234, rflags = 2 });
    }

    [Fact]
    public void FailedEntry_HasTheHardwaresReason()
    {
        _vcpu.Exit.fail_entry_hardware_entry_failure_reason = 0x8000_0021;
        _vcpu.Exit.fail_entry_cpu = 3;

        Assert.Equal("Processor 2 stopped at 0x1234: the hardware refused to enter the guest (reason 0x80000021 on CPU 3).", Describe(KvmExitReason.FAIL_ENTRY));
    }

    [Fact]
    public void InstructionThatCannotBeEmulated_IsShown()
    {
        _vcpu.Exit.internal_suberror = 1;
        _vcpu.Exit.internal_ndata = 4;
        _vcpu.Exit.emulation_failure_flags = 1;
        _vcpu.Exit.emulation_failure_insn_size = 2;
        _vcpu.Exit.emulation_failure_insn_bytes[0] = 0x0F;
        _vcpu.Exit.emulation_failure_insn_bytes[1] = 0xA7;
        Assert.Equal("Processor 2 stopped at 0x1234: KVM cannot emulate the instruction 0fa7.", Describe(KvmExitReason.INTERNAL_ERROR));

        _vcpu.Exit.internal_ndata = 0;
        Assert.Equal("Processor 2 stopped at 0x1234: KVM cannot emulate an instruction.", Describe(KvmExitReason.INTERNAL_ERROR));
    }

    [Fact]
    public void EveryReason_HasASentence()
    {
        Assert.All(Enum.GetValues<KvmExitReason>(), r => Assert.Matches(@"^Processor 2 stopped at 0x1234: .+\.$", Describe(r)));
        Assert.EndsWith("KVM reported KVM_EXIT_DIRTY_RING_FULL, which this monitor never asks for.", Describe(KvmExitReason.DIRTY_RING_FULL), StringComparison.Ordinal);
        Assert.EndsWith("KVM reported the exit 4711, which this monitor does not know.", Describe((KvmExitReason)4711), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1U, VmOutcome.PoweredOff)]
    [InlineData(2U, VmOutcome.Reset)]
    [InlineData(3U, VmOutcome.Failed)]
    [InlineData(99U, VmOutcome.Failed)]
    public void SystemEvents_EndTheMachine(uint type, VmOutcome outcome)
    {
        _vcpu.Exit.system_event_type = type;
        var handler = new ExitHandler(new Crisp.Kvm.Devices.Bus(), new Crisp.Kvm.Devices.Bus());

        Assert.Equal(ExitAction.End, handler.Handle(0, _vcpu, KvmExitReason.SYSTEM_EVENT, out var end));

        Assert.Equal(outcome, end?.Outcome);
    }

    public void Dispose()
    {
        _vcpu.Dispose();
        _machine.Dispose();
        _system.Dispose();
    }

    private string Describe(KvmExitReason reason) => ExitDescription.Describe(2, _vcpu, reason);
}
