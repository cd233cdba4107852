namespace Crisp.Linux;

/// <summary>Block devices.</summary>
public static class BlockDevices
{
    private const uint BlkFlsBuf = 0x1261;

    /// <summary>BLKFLSBUF: writes what the kernel has of the device in memory, and forgets it. Needs CAP_SYS_ADMIN.</summary>
    public static void Flush(FileDescriptor device) => Ioctl.Call(device, new IoctlRequest("BLKFLSBUF", BlkFlsBuf));
}
