using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Crisp.Kvm.Interop;

// linux/kvm.h: struct kvm_userspace_memory_region
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_userspace_memory_region
{
    internal const uint KVM_MEM_READONLY = 2;

    internal uint slot;
    internal uint flags;
    internal ulong guest_phys_addr;
    internal ulong memory_size;
    internal ulong userspace_addr;
}

// linux/kvm.h: struct kvm_irq_level
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_irq_level
{
    internal uint irq;
    internal uint level;
}

// linux/kvm.h: struct kvm_irqfd
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct kvm_irqfd
{
    internal uint fd;
    internal uint gsi;
    internal uint flags;
    internal uint resamplefd;
}

// linux/kvm.h: struct kvm_ioeventfd
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct kvm_ioeventfd
{
    internal const uint KVM_IOEVENTFD_FLAG_DATAMATCH = 1;
    internal const uint KVM_IOEVENTFD_FLAG_PIO = 2;

    internal ulong datamatch;
    internal ulong addr;
    internal uint len;
    internal int fd;
    internal uint flags;
}

// linux/kvm.h: struct kvm_create_device
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_create_device
{
    internal const uint KVM_CREATE_DEVICE_TEST = 1;
    internal const uint KVM_DEV_TYPE_VFIO = 4;

    internal uint type;
    internal uint fd;
    internal uint flags;
}

// linux/kvm.h: struct kvm_device_attr
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_device_attr
{
    internal uint flags;
    internal uint group;
    internal ulong attr;
    internal ulong addr;
}

// asm/kvm.h: struct kvm_cpuid2, before its entries
[StructLayout(LayoutKind.Sequential)]
internal struct kvm_cpuid2
{
    internal uint nent;
    internal uint padding;
}

// asm/kvm.h: struct kvm_cpuid_entry2
[StructLayout(LayoutKind.Sequential, Size = 40)]
internal struct kvm_cpuid_entry2
{
    internal const uint KVM_CPUID_FLAG_SIGNIFCANT_INDEX = 1;

    internal uint function;
    internal uint index;
    internal uint flags;
    internal uint eax;
    internal uint ebx;
    internal uint ecx;
    internal uint edx;
}

/// <summary>The unions' and registers' arrays of bytes.</summary>
[InlineArray(16)]
internal struct bytes16
{
    private byte _first;
}
