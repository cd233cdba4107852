using System.Numerics;
using Crisp.Kvm.Interop;

namespace Crisp.Kvm.Vcpus;

/// <summary>What one processor's CPUID instruction answers: what the host can show, made this processor's own.</summary>
/// <remarks>Leaves and bits by Intel SDM volume 2, CPUID, and AMD APM volume 3, appendix E.</remarks>
internal static class CpuidTable
{
    private const uint Basic = 1;
    private const uint DeterministicCache = 4;
    private const uint Topology = 0xB;
    private const uint TopologyV2 = 0x1F;
    private const uint AmdExtendedTopology = 0x8000_001E;

    private const uint X2Apic = 1 << 21;
    private const uint TscDeadline = 1 << 24;
    private const uint Hypervisor = 1U << 31;
    private const uint HyperThreading = 1 << 28;

    /// <param name="supported">Of KVM_GET_SUPPORTED_CPUID.</param>
    /// <param name="id">The processor's number, which is its APIC's id.</param>
    /// <param name="count">How many processors the machine has: each a core of one package.</param>
    /// <param name="hasApic">Whether the machine has local APICs.</param>
    /// <param name="hasDeadlineTimer">Whether KVM emulates the APIC timer's TSC-deadline mode.</param>
    internal static kvm_cpuid_entry2[] For(IReadOnlyList<kvm_cpuid_entry2> supported, int id, int count, bool hasApic, bool hasDeadlineTimer)
    {
        // The host's own topology would be wrong for the guest: it is replaced by one that is said in full.
        var entries = supported.Where(e => e.function is not (Topology or TopologyV2)).Select(e => e.function switch
        {
            Basic => BasicLeaf(e, (uint)id, (uint)count, hasApic, hasDeadlineTimer),
            DeterministicCache => CacheLeaf(e, (uint)count),
            AmdExtendedTopology => e with { eax = (uint)id, ebx = (uint)id, ecx = 0 },
            _ => e,
        }).ToList();
        if (supported.Any(e => e.function == 0 && e.eax >= Topology))
        {
            entries.Add(TopologyLevel(0, 1, 0, 1, (uint)id));
            entries.Add(TopologyLevel(1, 2, CoreBits(count), (uint)count, (uint)id));
            entries.Add(TopologyLevel(2, 0, 0, 0, (uint)id));
        }

        return [.. entries];
    }

    private static uint CoreBits(int count) => (uint)BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)count));

    private static kvm_cpuid_entry2 BasicLeaf(kvm_cpuid_entry2 entry, uint id, uint count, bool hasApic, bool hasDeadlineTimer)
    {
        // EBX: APIC id, logical processors in the package, CLFLUSH size, brand.
        entry.ebx = (entry.ebx & 0x0000_FFFF) | Math.Min(count, 255) << 16 | id << 24;
        entry.ecx = (entry.ecx & ~(X2Apic | TscDeadline)) | Hypervisor;
        if (hasApic)
        {
            // A machine described by hardware-reduced ACPI has no timer but the APIC's: Linux calibrates with this mode or not at all.
            entry.ecx |= X2Apic | (hasDeadlineTimer ? TscDeadline : 0);
        }

        entry.edx = count > 1 ? entry.edx | HyperThreading : entry.edx & ~HyperThreading;
        return entry;
    }

    private static kvm_cpuid_entry2 CacheLeaf(kvm_cpuid_entry2 entry, uint count)
    {
        // EAX 31..26: cores in the package, less one. Who shares a cache (25..14) is one core, but for the last level.
        var isCache = (entry.eax & 0x1F) != 0;
        var sharing = (entry.eax >> 5 & 7) >= 3 ? count - 1 : 0;
        entry.eax = isCache ? (entry.eax & 0x3FFF) | Math.Min(sharing, 0xFFF) << 14 | Math.Min(count - 1, 63) << 26 : entry.eax;
        return entry;
    }

    /// <param name="type">0 ends the list, 1 is a thread, 2 a core.</param>
    /// <param name="shift">How many bits of the APIC id are below the next level's.</param>
    private static kvm_cpuid_entry2 TopologyLevel(uint level, uint type, uint shift, uint processors, uint id) => new()
    {
        function = Topology,
        index = level,
        flags = kvm_cpuid_entry2.KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
        eax = shift,
        ebx = processors,
        ecx = type << 8 | level,
        edx = id,
    };
}
