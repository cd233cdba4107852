namespace Crisp.Kvm.Memory;

/// <summary>What lies where in the guest's physical addresses and ports. One table, so that nothing overlaps by accident.</summary>
/// <remarks>
/// <code>
/// 0x0000_0500            descriptor table           written for protected and long mode, before the first instruction
/// 0x0000_9000..0xEFFF    page tables                for long mode
/// 0x0001_0000..0x8FFFF   stacks                     2 KiB for each processor, downwards
/// 0x0010_0000            the image
/// 0xC000_0000..          no memory: interrupt controllers and
/// 0xD000_0000            virtio devices, 4 KiB for each
/// 0x1_0000_0000..        memory again
/// </code>
/// </remarks>
internal static class AddressMap
{
    /// <summary>Global descriptor table.</summary>
    internal const ulong DescriptorTable = 0x500;

    /// <summary>PML4, one page directory pointer table, four page directories.</summary>
    internal const ulong PageTables = 0x9000;

    /// <summary>Behind the page tables.</summary>
    internal const ulong PageTablesEnd = 0xF000;

    /// <summary>Where the first processor's stack ends; the next one's is <see cref="StackSize"/> lower.</summary>
    internal const ulong StackTop = 0x9_0000;

    internal const int StackSize = 0x800;

    /// <summary>Where flat images are loaded unless told otherwise.</summary>
    internal const ulong Image = 0x10_0000;

    /// <summary>Where virtio devices begin.</summary>
    internal const ulong Virtio = 0xD000_0000;

    internal const ulong VirtioStride = 0x1000;

    /// <summary>The interrupt of the first virtio device; the next one's is one higher.</summary>
    internal const uint VirtioInterrupt = 5;

    /// <summary>The I/O APIC has 24 inputs.</summary>
    internal const int MostVirtioDevices = 19;

    /// <summary>Two kinds of pages that Intel's processors need for real mode; Linux keeps them for itself.</summary>
    internal const ulong IdentityMap = 0xFFFB_C000;

    internal const uint Tss = 0xFFFB_D000;
}
