using Crisp.Kvm.Interop;
using Crisp.Linux;

namespace Crisp.Kvm.Api;

/// <summary>A virtual machine's descriptor: memory slots, interrupts, and new virtual processors and devices.</summary>
/// <remarks>The kernel frees the machine when this and all descriptors made from it are closed.</remarks>
internal sealed class KvmMachine(FileDescriptor descriptor, int vcpuMapSize) : IDisposable
{
    /// <summary>KVM_SET_TSS_ADDR: three pages below 4 GiB that Intel's processors need for guests in real mode.</summary>
    public void SetTssAddress(uint address) => Ioctl.Call(descriptor, KvmIoctl.KVM_SET_TSS_ADDR, (nint)address);

    /// <summary>KVM_SET_IDENTITY_MAP_ADDR: one page more for the same purpose. Before the first virtual processor.</summary>
    public void SetIdentityMapAddress(ulong address) => Ioctl.Call(descriptor, KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR, ref address);

    /// <summary>KVM_CREATE_IRQCHIP: two PICs, an I/O APIC, and a local APIC for each processor made later.</summary>
    public void CreateIrqchip() => Ioctl.Call(descriptor, KvmIoctl.KVM_CREATE_IRQCHIP);

    /// <summary>KVM_SET_USER_MEMORY_REGION.</summary>
    /// <param name="slot">Replaces what was in the slot.</param>
    /// <param name="isReadOnly">The guest's writes leave it as MMIO (KVM_MEM_READONLY).</param>
    public void SetMemory(uint slot, ulong guestAddress, MemoryMapping memory, long offset, long length, bool isReadOnly = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, memory.Length - offset);
        var region = new kvm_userspace_memory_region
        {
            slot = slot,
            flags = isReadOnly ? kvm_userspace_memory_region.KVM_MEM_READONLY : 0,
            guest_phys_addr = guestAddress,
            memory_size = (ulong)length,
            userspace_addr = memory.Address + (ulong)offset,
        };
        Ioctl.Call(descriptor, KvmIoctl.KVM_SET_USER_MEMORY_REGION, ref region);
    }

    /// <summary>KVM_SET_USER_MEMORY_REGION with length 0: the guest has no memory there any more.</summary>
    public void RemoveMemory(uint slot)
    {
        var region = new kvm_userspace_memory_region { slot = slot };
        Ioctl.Call(descriptor, KvmIoctl.KVM_SET_USER_MEMORY_REGION, ref region);
    }

    /// <summary>KVM_CREATE_VCPU.</summary>
    /// <param name="id">Also its local APIC's id.</param>
    public KvmVcpu CreateVcpu(int id)
    {
        var vcpu = new FileDescriptor(Ioctl.Call(descriptor, KvmIoctl.KVM_CREATE_VCPU, id));
        try
        {
            return new KvmVcpu(vcpu, MemoryMapping.Map(vcpu, vcpuMapSize));
        }
        catch
        {
            vcpu.Dispose();
            throw;
        }
    }

    /// <summary>KVM_IRQ_LINE.</summary>
    public void SetIrqLine(uint gsi, bool isHigh)
    {
        var level = new kvm_irq_level { irq = gsi, level = isHigh ? 1U : 0 };
        Ioctl.Call(descriptor, KvmIoctl.KVM_IRQ_LINE, ref level);
    }

    /// <summary>KVM_IRQFD: each signal of the eventfd is one edge of the interrupt line.</summary>
    public void AddIrqfd(EventFd signal, uint gsi)
    {
        var irqfd = new kvm_irqfd { fd = (uint)signal.Descriptor.Number, gsi = gsi };
        Ioctl.Call(descriptor, KvmIoctl.KVM_IRQFD, ref irqfd);
        GC.KeepAlive(signal);
    }

    /// <summary>KVM_IOEVENTFD: a guest's write there signals the eventfd and does not leave the kernel.</summary>
    /// <param name="address">Of memory-mapped I/O, or of a port.</param>
    /// <param name="length">Of the write: 1, 2, 4 or 8 bytes.</param>
    /// <param name="match">Only writes of this value; null: all.</param>
    public void AddIoeventfd(EventFd signal, ulong address, uint length, ulong? match, bool isPort = false)
    {
        var ioeventfd = new kvm_ioeventfd
        {
            datamatch = match ?? 0,
            addr = address,
            len = length,
            fd = signal.Descriptor.Number,
            flags = (match is null ? 0 : kvm_ioeventfd.KVM_IOEVENTFD_FLAG_DATAMATCH) | (isPort ? kvm_ioeventfd.KVM_IOEVENTFD_FLAG_PIO : 0),
        };
        Ioctl.Call(descriptor, KvmIoctl.KVM_IOEVENTFD, ref ioeventfd);
        GC.KeepAlive(signal);
    }

    /// <summary>KVM_CREATE_DEVICE.</summary>
    /// <param name="type">KVM_DEV_TYPE_*.</param>
    public KvmDevice CreateDevice(uint type)
    {
        var create = new kvm_create_device { type = type };
        Ioctl.Call(descriptor, KvmIoctl.KVM_CREATE_DEVICE, ref create);
        return new KvmDevice(new FileDescriptor((int)create.fd));
    }

    /// <summary>KVM_CREATE_DEVICE with KVM_CREATE_DEVICE_TEST: whether the kernel knows the type. No device is made.</summary>
    public bool HasDevice(uint type)
    {
        try
        {
            var create = new kvm_create_device { type = type, flags = kvm_create_device.KVM_CREATE_DEVICE_TEST };
            Ioctl.Call(descriptor, KvmIoctl.KVM_CREATE_DEVICE, ref create);
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.ENODEV or Errno.EINVAL)
        {
            return false;
        }
    }

    public void Dispose() => descriptor.Dispose();
}
