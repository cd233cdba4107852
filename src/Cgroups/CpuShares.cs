namespace Crisp.Cgroups;

/// <summary>cpu.shares of v1 (2..262144, 1024 by default) and cpu.weight of v2 (1..10000, 100 by default).</summary>
public static class CpuShares
{
    private const ulong Lowest = 2;
    private const ulong Highest = 262144;

    /// <summary>
    /// weight = ⌈10^((l² + 125·l)/612 − 7/34)⌉ with l = log2(shares): the curve through both minima, defaults and maxima that
    /// runc 1.3.2, crun 1.23 and the kubelet agreed on. The older line (1 + (shares−2)·9999/262142) turned 1024 into 39.
    /// </summary>
    public static ulong ToWeight(ulong shares)
    {
        if (shares <= Lowest)
        {
            return 1;
        }

        if (shares >= Highest)
        {
            return 10000;
        }

        var l = Math.Log2(shares);
        return (ulong)Math.Ceiling(Math.Pow(10, ((l * l) + (125 * l)) / 612.0 - (7.0 / 34.0)));
    }

    /// <summary>
    /// The most shares that have this weight. Several shares share a weight: whoever knows what was asked for compares
    /// <see cref="ToWeight"/> of it with the weight first.
    /// </summary>
    public static ulong FromWeight(ulong weight)
    {
        if (weight <= 1)
        {
            return Lowest;
        }

        if (weight >= 10000)
        {
            return Highest;
        }

        var low = Lowest;
        var high = Highest;
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            (low, high) = ToWeight(middle) <= weight ? (middle, high) : (low, middle);
        }

        return low;
    }
}

/// <summary>blkio.weight of v1 (10..1000) and io.weight of v2 (1..10000).</summary>
public static class IoWeight
{
    /// <summary>1 + (weight − 10)·9999/990, the line that runc and crun draw.</summary>
    public static ulong FromBlkio(ushort weight) => 1 + ((Math.Clamp(weight, (ushort)10, (ushort)1000) - 10UL) * 9999 / 990);

    /// <summary>The way back, rounded up so that <see cref="FromBlkio"/> of it is the weight it came from.</summary>
    public static ushort ToBlkio(ulong weight) => (ushort)(10 + (((Math.Clamp(weight, 1, 10000) - 1) * 990 + 9998) / 9999));
}
