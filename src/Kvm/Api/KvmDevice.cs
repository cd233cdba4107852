using Crisp.Kvm.Interop;
using Crisp.Linux;

namespace Crisp.Kvm.Api;

/// <summary>A device that the kernel emulates or passes through for one machine. On x86-64 the only kind is VFIO's.</summary>
internal sealed class KvmDevice(FileDescriptor descriptor) : IDisposable
{
    /// <summary>KVM_HAS_DEVICE_ATTR.</summary>
    public bool HasAttribute(uint group, ulong attribute)
    {
        try
        {
            var argument = new kvm_device_attr { group = group, attr = attribute };
            Ioctl.Call(descriptor, KvmIoctl.KVM_HAS_DEVICE_ATTR, ref argument);
            return true;
        }
        catch (LinuxException e) when (e.Errno == Errno.ENXIO)
        {
            return false;
        }
    }

    public void Dispose() => descriptor.Dispose();
}
