using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>From statx(2)'s structures to FUSE's.</summary>
internal static class FuseAttributes
{
    private const long NanosecondsPerTick = 100;

    internal static fuse_attr Of(in InodeAttributes attributes, bool isSubmount = false) => new()
    {
        ino = attributes.Inode,
        size = attributes.Size,
        blocks = attributes.Blocks,
        atime = (ulong)attributes.Accessed.Seconds,
        mtime = (ulong)attributes.Modified.Seconds,
        ctime = (ulong)attributes.Changed.Seconds,
        atimensec = attributes.Accessed.Nanoseconds,
        mtimensec = attributes.Modified.Nanoseconds,
        ctimensec = attributes.Changed.Nanoseconds,
        mode = attributes.Mode,
        nlink = attributes.Links,
        uid = attributes.Uid,
        gid = attributes.Gid,
        rdev = EncodeDevice(attributes.DeviceMajor, attributes.DeviceMinor),
        blksize = attributes.BlockSize,
        flags = isSubmount ? FuseConstant.FUSE_ATTR_SUBMOUNT : 0,
    };

    internal static fuse_entry_out Entry(Inode inode, in InodeAttributes attributes, bool isSubmount)
    {
        var entry = new fuse_entry_out { nodeid = inode.Id, attr = Of(attributes, isSubmount) };
        SetTimeouts(ref entry, inode.Export);
        return entry;
    }

    internal static void SetTimeouts(ref fuse_entry_out entry, Export export)
    {
        var (seconds, nanoseconds) = Timeout(export);
        (entry.entry_valid, entry.entry_valid_nsec) = (seconds, nanoseconds);
        (entry.attr_valid, entry.attr_valid_nsec) = (seconds, nanoseconds);
    }

    internal static fuse_attr_out Reply(Export export, in InodeAttributes attributes)
    {
        var (seconds, nanoseconds) = Timeout(export);
        return new fuse_attr_out { attr_valid = seconds, attr_valid_nsec = nanoseconds, attr = Of(attributes) };
    }

    /// <summary>The kernel's new_decode_dev, in makedev(3)'s encoding.</summary>
    internal static ulong DecodeDevice(uint device) => Files.MakeDevice((device & 0xFFF00) >> 8, (device & 0xFF) | ((device >> 12) & 0xFFF00));

    private static uint EncodeDevice(uint major, uint minor) => (minor & 0xFF) | (major << 8) | ((minor & ~0xFFU) << 12);

    private static (ulong Seconds, uint Nanoseconds) Timeout(Export export)
    {
        var time = export.Options.CacheTime;
        return ((ulong)(time.Ticks / TimeSpan.TicksPerSecond), (uint)(time.Ticks % TimeSpan.TicksPerSecond * NanosecondsPerTick));
    }
}
