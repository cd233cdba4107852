using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>Block devices.</summary>
public static class BlockDevices
{
    /// <summary>BLKFLSBUF: writes what the kernel has of the device in memory, and forgets it. Needs CAP_SYS_ADMIN.</summary>
    public static void Flush(FileDescriptor device)
    {
        const nuint BlkFlsBuf = 0x1261;
        // SAFETY: the request has no argument.
        unsafe
        {
            Check.Result(Libc.ioctl(device, BlkFlsBuf, null), "ioctl", "BLKFLSBUF");
        }
    }
}
