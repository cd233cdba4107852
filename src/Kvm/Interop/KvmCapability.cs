namespace Crisp.Kvm.Interop;

/// <summary>KVM_CAP_* of linux/kvm.h, as KVM_CHECK_EXTENSION takes them.</summary>
internal enum KvmCapability
{
    IRQCHIP = 0,
    USER_MEMORY = 3,
    SET_TSS_ADDR = 4,
    EXT_CPUID = 7,
    NR_VCPUS = 9,
    NR_MEMSLOTS = 10,
    MP_STATE = 14,
    DESTROY_MEMORY_REGION_WORKS = 21,
    IRQFD = 32,
    IOEVENTFD = 36,
    SET_IDENTITY_MAP_ADDR = 37,
    MAX_VCPUS = 66,
    TSC_DEADLINE_TIMER = 72,
    READONLY_MEM = 81,
    IMMEDIATE_EXIT = 136,
}
