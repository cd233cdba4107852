using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>How much a guest can make a server keep.</summary>
/// <param name="Inodes">Files that the guest knows at one time; one more is ENOMEM. Each has a descriptor.</param>
/// <param name="Handles">Files that it has open at one time; one more is EMFILE.</param>
public readonly record struct FuseLimits(int Inodes, int Handles)
{
    // A known file costs about 300 bytes here, an open one 200.
    private const ulong MostInodes = 512 * 1024;
    private const ulong MostHandles = 64 * 1024;

    /// <summary>As many as the process has descriptors for, and some of those left for all else.</summary>
    public static FuseLimits OfProcess()
    {
        var descriptors = ResourceLimits.Descriptors;
        return new FuseLimits((int)Math.Min(descriptors / 2, MostInodes), (int)Math.Min(descriptors / 4, MostHandles));
    }
}
