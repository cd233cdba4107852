using System.Runtime.InteropServices;
using Crisp.Kvm.Interop;
using Crisp.Linux;

namespace Crisp.Kvm.Api;

/// <summary>/dev/kvm: what the kernel's virtual machines can do, and new ones.</summary>
public sealed class KvmSystem : IDisposable
{
    private const int ApiVersion = 12;
    private const string DevicePath = "/dev/kvm";

    private static readonly (KvmCapability Capability, string Use)[] s_required =
    [
        (KvmCapability.IRQCHIP, "interrupt controllers in the kernel"),
        (KvmCapability.USER_MEMORY, "guest memory of the monitor's own"),
        (KvmCapability.SET_TSS_ADDR, "a place for the real-mode TSS"),
        (KvmCapability.EXT_CPUID, "the CPUID that guests see"),
        (KvmCapability.MP_STATE, "the state of processors"),
        (KvmCapability.DESTROY_MEMORY_REGION_WORKS, "memory slots that can be removed"),
        (KvmCapability.IRQFD, "interrupts by eventfd"),
        (KvmCapability.IOEVENTFD, "notices by eventfd"),
        (KvmCapability.SET_IDENTITY_MAP_ADDR, "a place for the real-mode page table"),
        (KvmCapability.READONLY_MEM, "guest memory that the guest cannot write"),
        (KvmCapability.IMMEDIATE_EXIT, "processors that can be stopped"),
    ];

    private readonly FileDescriptor _descriptor;

    private KvmSystem(FileDescriptor descriptor) => _descriptor = descriptor;

    /// <summary>How many virtual processors one machine can have.</summary>
    public int MaxVcpus => Check(KvmCapability.MAX_VCPUS) is > 0 and var most ? most : Math.Max(Check(KvmCapability.NR_VCPUS), 4);

    internal int VcpuMapSize => Ioctl.Call(_descriptor, KvmIoctl.KVM_GET_VCPU_MMAP_SIZE);

    /// <summary>Opens it and checks everything that the monitor needs.</summary>
    /// <exception cref="KvmUnsupportedException">It cannot be opened, or it lacks something.</exception>
    public static KvmSystem Open(string path = DevicePath)
    {
        KvmSystem system;
        try
        {
            system = new KvmSystem(Files.Open(path, OpenFlags.ReadWrite));
        }
        catch (LinuxException e)
        {
            var advice = e.Errno is Errno.EACCES or Errno.EPERM ? "Run as a user who may open it, and let the device cgroup have it."
                : "Load the module kvm_intel or kvm_amd, or turn on virtualisation in the firmware.";
            throw new KvmUnsupportedException($"{path} cannot be opened ({e.Errno.Describe()}). {advice}", e);
        }

        try
        {
            system.Verify(path);
            return system;
        }
        catch
        {
            system.Dispose();
            throw;
        }
    }

    /// <summary>What this machine's KVM lacks of what the monitor needs; empty when nothing.</summary>
    /// <param name="check">Answers KVM_CHECK_EXTENSION: 0 for what is not there.</param>
    internal static IReadOnlyList<string> Lacks(Func<KvmCapability, int> check)
        => [.. s_required.Where(r => check(r.Capability) == 0).Select(r => $"KVM_CAP_{r.Capability} ({r.Use})")];

    /// <summary>KVM_CHECK_EXTENSION.</summary>
    internal int Check(KvmCapability capability) => Ioctl.Call(_descriptor, KvmIoctl.KVM_CHECK_EXTENSION, (nint)capability);

    /// <summary>KVM_CREATE_VM.</summary>
    internal KvmMachine CreateMachine()
    {
        while (true)
        {
            var number = Ioctl.TryCall(_descriptor, KvmIoctl.KVM_CREATE_VM, 0, out var errno);
            if (number >= 0)
            {
                return new KvmMachine(new FileDescriptor(number), VcpuMapSize);
            }

            // Creating a machine waits for other processors, and a signal such as the runtime's own ends the wait.
            if (errno != Errno.EINTR)
            {
                throw new LinuxException("ioctl", errno, KvmIoctl.KVM_CREATE_VM.Name);
            }
        }
    }

    /// <summary>KVM_GET_SUPPORTED_CPUID: what this machine can show its guests.</summary>
    internal kvm_cpuid_entry2[] GetSupportedCpuid()
    {
        // The kernel's own limit is 256 entries (KVM_MAX_CPUID_ENTRIES).
        for (var capacity = 128; ; capacity *= 2)
        {
            var buffer = new VariableArgument<kvm_cpuid2, kvm_cpuid_entry2>(capacity);
            buffer.Header.nent = (uint)capacity;
            if (Ioctl.TryCall(_descriptor, KvmIoctl.KVM_GET_SUPPORTED_CPUID, buffer.Bytes, out var errno) >= 0)
            {
                return buffer.Entries[..(int)buffer.Header.nent].ToArray();
            }

            if (errno != Errno.E2BIG || capacity > 4096)
            {
                throw new LinuxException("ioctl", errno, KvmIoctl.KVM_GET_SUPPORTED_CPUID.Name);
            }
        }
    }

    public void Dispose() => _descriptor.Dispose();

    private void Verify(string path)
    {
        var version = Ioctl.TryCall(_descriptor, KvmIoctl.KVM_GET_API_VERSION, 0, out var errno);
        if (version == -1)
        {
            throw new KvmUnsupportedException($"{path} is no KVM device ({errno.Describe()}).");
        }

        if (version != ApiVersion)
        {
            throw new KvmUnsupportedException($"{path} speaks version {version} of KVM's interface, and this program {ApiVersion}, which is every kernel's since 2.6.22.");
        }

        if (Lacks(Check) is { Count: > 0 } lacks)
        {
            throw new KvmUnsupportedException($"{path} lacks {string.Join(", ", lacks)}. Linux 6.1 on x86-64 has them all; take a newer kernel.");
        }
    }
}

/// <summary>A header and the entries behind it, as some ioctls take them.</summary>
internal readonly ref struct VariableArgument<THeader, TEntry>(int capacity)
    where THeader : unmanaged
    where TEntry : unmanaged
{
    private static int HeaderSize => System.Runtime.CompilerServices.Unsafe.SizeOf<THeader>();

    internal Span<byte> Bytes { get; } = new byte[HeaderSize + capacity * System.Runtime.CompilerServices.Unsafe.SizeOf<TEntry>()];

    internal ref THeader Header => ref MemoryMarshal.AsRef<THeader>(Bytes);

    internal Span<TEntry> Entries => MemoryMarshal.Cast<byte, TEntry>(Bytes[HeaderSize..]);
}
