using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>TUN_F_*: what the reader of a tap leaves to its peer.</summary>
[Flags]
public enum TapOffloads : uint
{
    None = 0,

    /// <summary>Frames without checksums.</summary>
    Checksum = 1,

    /// <summary>IPv4 segments of up to 64 KiB.</summary>
    Segmentation4 = 2,

    /// <summary>IPv6 segments of up to 64 KiB.</summary>
    Segmentation6 = 4,
}

/// <summary>Ethernet interfaces whose wire is a descriptor (Linux: Documentation/networking/tuntap.rst).</summary>
public static class Tap
{
    /// <summary>Makes an interface in the network namespace of the calling thread, or attaches to one that has been made there.</summary>
    /// <param name="name">At most 15 characters.</param>
    /// <param name="headerSize">Of struct virtio_net_hdr before each frame: 10 or 12 bytes.</param>
    /// <returns>Non-blocking; one read or write for each frame. Without anybody's hold on it the interface is gone when this is closed.</returns>
    public static FileDescriptor Open(string name, int headerSize)
    {
        const short TapWithHeader = 0x5002;
        const nuint TunSetIff = 0x400454CA;
        const nuint TunSetVnetHdrSz = 0x400454D8;
        var tap = Files.Open("/dev/net/tun", OpenFlags.ReadWrite | OpenFlags.NonBlocking);
        try
        {
            var request = new ifreq(name, TapWithHeader);
            // SAFETY: the kernel reads and fills the structure, and then reads an int; both live on this stack.
            unsafe
            {
                Check.Result(Libc.ioctl(tap, TunSetIff, &request), "ioctl", $"TUNSETIFF {name}");
                Check.Result(Libc.ioctl(tap, TunSetVnetHdrSz, &headerSize), "ioctl", $"TUNSETVNETHDRSZ {name}");
            }

            return tap;
        }
        catch
        {
            tap.Dispose();
            throw;
        }
    }

    /// <summary>As <see cref="Open(string, int)"/> in another network namespace, on a thread that ends afterwards.</summary>
    public static FileDescriptor Open(FileDescriptor networkNamespace, string name, int headerSize)
        => NamespaceSocket.Within(networkNamespace, () => Open(name, headerSize));

    /// <summary>TUNSETOFFLOAD.</summary>
    public static void SetOffloads(FileDescriptor tap, TapOffloads offloads)
    {
        const nuint TunSetOffload = 0x400454D0;
        // SAFETY: the argument is a number and not dereferenced.
        unsafe
        {
            Check.Result(Libc.ioctl(tap, TunSetOffload, (void*)(nint)offloads), "ioctl", "TUNSETOFFLOAD");
        }
    }
}
