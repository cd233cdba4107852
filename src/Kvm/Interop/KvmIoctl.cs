using Crisp.Linux;

namespace Crisp.Kvm.Interop;

/// <summary>Requests of linux/kvm.h, in its order and by its names. Documentation/virt/kvm/api.rst describes each.</summary>
internal static class KvmIoctl
{
    private const byte KVMIO = 0xAE;

    // /dev/kvm
    internal static readonly IoctlRequest KVM_GET_API_VERSION = IoctlRequest.Plain(nameof(KVM_GET_API_VERSION), KVMIO, 0x00);
    internal static readonly IoctlRequest KVM_CREATE_VM = IoctlRequest.Plain(nameof(KVM_CREATE_VM), KVMIO, 0x01);
    internal static readonly IoctlRequest KVM_CHECK_EXTENSION = IoctlRequest.Plain(nameof(KVM_CHECK_EXTENSION), KVMIO, 0x03);
    internal static readonly IoctlRequest KVM_GET_VCPU_MMAP_SIZE = IoctlRequest.Plain(nameof(KVM_GET_VCPU_MMAP_SIZE), KVMIO, 0x04);
    internal static readonly IoctlRequest KVM_GET_SUPPORTED_CPUID = IoctlRequest.ReadWrite<kvm_cpuid2>(nameof(KVM_GET_SUPPORTED_CPUID), KVMIO, 0x05);

    // A virtual machine
    internal static readonly IoctlRequest KVM_CREATE_VCPU = IoctlRequest.Plain(nameof(KVM_CREATE_VCPU), KVMIO, 0x41);
    internal static readonly IoctlRequest KVM_SET_USER_MEMORY_REGION =
        IoctlRequest.Write<kvm_userspace_memory_region>(nameof(KVM_SET_USER_MEMORY_REGION), KVMIO, 0x46);

    internal static readonly IoctlRequest KVM_SET_TSS_ADDR = IoctlRequest.Plain(nameof(KVM_SET_TSS_ADDR), KVMIO, 0x47);
    internal static readonly IoctlRequest KVM_SET_IDENTITY_MAP_ADDR = IoctlRequest.Write<ulong>(nameof(KVM_SET_IDENTITY_MAP_ADDR), KVMIO, 0x48);
    internal static readonly IoctlRequest KVM_CREATE_IRQCHIP = IoctlRequest.Plain(nameof(KVM_CREATE_IRQCHIP), KVMIO, 0x60);
    internal static readonly IoctlRequest KVM_IRQ_LINE = IoctlRequest.Write<kvm_irq_level>(nameof(KVM_IRQ_LINE), KVMIO, 0x61);
    internal static readonly IoctlRequest KVM_IRQFD = IoctlRequest.Write<kvm_irqfd>(nameof(KVM_IRQFD), KVMIO, 0x76);
    internal static readonly IoctlRequest KVM_IOEVENTFD = IoctlRequest.Write<kvm_ioeventfd>(nameof(KVM_IOEVENTFD), KVMIO, 0x79);
    internal static readonly IoctlRequest KVM_CREATE_DEVICE = IoctlRequest.ReadWrite<kvm_create_device>(nameof(KVM_CREATE_DEVICE), KVMIO, 0xE0);

    // A device of the kernel's
    internal static readonly IoctlRequest KVM_HAS_DEVICE_ATTR = IoctlRequest.Write<kvm_device_attr>(nameof(KVM_HAS_DEVICE_ATTR), KVMIO, 0xE3);

    // A virtual processor
    internal static readonly IoctlRequest KVM_RUN = IoctlRequest.Plain(nameof(KVM_RUN), KVMIO, 0x80);
    internal static readonly IoctlRequest KVM_GET_REGS = IoctlRequest.Read<kvm_regs>(nameof(KVM_GET_REGS), KVMIO, 0x81);
    internal static readonly IoctlRequest KVM_SET_REGS = IoctlRequest.Write<kvm_regs>(nameof(KVM_SET_REGS), KVMIO, 0x82);
    internal static readonly IoctlRequest KVM_GET_SREGS = IoctlRequest.Read<kvm_sregs>(nameof(KVM_GET_SREGS), KVMIO, 0x83);
    internal static readonly IoctlRequest KVM_SET_SREGS = IoctlRequest.Write<kvm_sregs>(nameof(KVM_SET_SREGS), KVMIO, 0x84);
    internal static readonly IoctlRequest KVM_GET_MSRS = IoctlRequest.ReadWrite<kvm_msrs>(nameof(KVM_GET_MSRS), KVMIO, 0x88);
    internal static readonly IoctlRequest KVM_SET_MSRS = IoctlRequest.Write<kvm_msrs>(nameof(KVM_SET_MSRS), KVMIO, 0x89);
    internal static readonly IoctlRequest KVM_SET_SIGNAL_MASK = IoctlRequest.Write<kvm_signal_mask>(nameof(KVM_SET_SIGNAL_MASK), KVMIO, 0x8B);
    internal static readonly IoctlRequest KVM_GET_FPU = IoctlRequest.Read<kvm_fpu>(nameof(KVM_GET_FPU), KVMIO, 0x8C);
    internal static readonly IoctlRequest KVM_SET_FPU = IoctlRequest.Write<kvm_fpu>(nameof(KVM_SET_FPU), KVMIO, 0x8D);
    internal static readonly IoctlRequest KVM_SET_CPUID2 = IoctlRequest.Write<kvm_cpuid2>(nameof(KVM_SET_CPUID2), KVMIO, 0x90);
    internal static readonly IoctlRequest KVM_GET_MP_STATE = IoctlRequest.Read<kvm_mp_state>(nameof(KVM_GET_MP_STATE), KVMIO, 0x98);
}
