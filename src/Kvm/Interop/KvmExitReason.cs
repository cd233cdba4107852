namespace Crisp.Kvm.Interop;

/// <summary>KVM_EXIT_* of linux/kvm.h: why a virtual processor left the guest. Those of other architectures never occur.</summary>
internal enum KvmExitReason : uint
{
    UNKNOWN = 0,
    EXCEPTION = 1,
    IO = 2,
    HYPERCALL = 3,
    DEBUG = 4,
    HLT = 5,
    MMIO = 6,
    IRQ_WINDOW_OPEN = 7,
    SHUTDOWN = 8,
    FAIL_ENTRY = 9,
    INTR = 10,
    SET_TPR = 11,
    TPR_ACCESS = 12,
    NMI = 16,
    INTERNAL_ERROR = 17,
    WATCHDOG = 21,
    SYSTEM_EVENT = 24,
    IOAPIC_EOI = 26,
    HYPERV = 27,
    X86_RDMSR = 29,
    X86_WRMSR = 30,
    DIRTY_RING_FULL = 31,
    AP_RESET_HOLD = 32,
    X86_BUS_LOCK = 33,
    XEN = 34,
    NOTIFY = 37,
}
