using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>A file time: seconds since the epoch, which may be negative, and nanoseconds 0..999,999,999.</summary>
public readonly record struct Timestamp(long Seconds, uint Nanoseconds)
{
    /// <summary>UTIME_NOW of utimensat(2).</summary>
    public static Timestamp Now => new(0, 0x3FFFFFFF);

    /// <summary>UTIME_OMIT of utimensat(2): leaves the time as it is.</summary>
    public static Timestamp Omit => new(0, 0x3FFFFFFE);

    public DateTimeOffset ToDateTimeOffset() => DateTimeOffset.FromUnixTimeSeconds(Seconds).AddTicks(Nanoseconds / 100);

    internal timespec ToTimespec() => new() { tv_sec = Seconds, tv_nsec = (int)Nanoseconds };
}
