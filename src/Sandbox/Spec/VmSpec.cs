namespace Crisp.Sandbox.Spec;

/// <summary>The virtual machine that a pod is. Its containers run on the machine's own kernel.</summary>
public sealed record VmSpec
{
    /// <summary>Absolute path of a vmlinux or a bzImage on the node, opened by Boot.</summary>
    public required string Kernel { get; init; }

    /// <summary>Absolute path of an initramfs whose /init is crisp-sandbox of the same version, opened by Boot.</summary>
    public required string Initramfs { get; init; }

    public required int Vcpus { get; init; }

    /// <summary>The guest's memory.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>How many block devices of the node its containers can have at once.</summary>
    public int DiskSlots { get; init; }
}
