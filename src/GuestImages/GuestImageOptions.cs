namespace Crisp.GuestImages;

/// <summary>What a guest image is made of.</summary>
/// <param name="Version">Of crisp: only images of its own version are used.</param>
/// <param name="Init">The program that the guest starts as process 1, a file of this node.</param>
public sealed record GuestImageOptions(string Version, string Init)
{
    /// <summary>What every guest needs: the drivers of the devices that machines have, and virtio-fs.</summary>
    public static IReadOnlyList<string> NecessaryModules { get; } =
        ["virtio_mmio", "virtio_balloon", "virtio_rng", "virtio_blk", "virtio_net", "vmw_vsock_virtio_transport", "virtiofs"];

    /// <summary>A vmlinux or a bzImage; null for the kernel that is running.</summary>
    public string? Kernel { get; init; }

    /// <summary>The kernel's directory with modules.dep; null for /lib/modules and the kernel's release.</summary>
    public string? Modules { get; init; }

    /// <summary>Modules beyond <see cref="NecessaryModules"/>, loaded after them.</summary>
    public IReadOnlyList<string> MoreModules { get; init; } = [];

    /// <summary>More files: where they are on this node, and their absolute paths in the guest.</summary>
    public IReadOnlyList<(string Source, string Path)> Files { get; init; } = [];
}
