using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>Descriptors that were sent and wait for the CreateContainer that names their token.</summary>
internal sealed class DescriptorStore(EventLoop loop)
{
    /// <summary>A rootfs and volumes. A pod has tens; the kernel's own limits on mounts are far above.</summary>
    internal const int MaxInSet = 1024;

    internal const int MaxSets = 32;

    /// <summary>They pin mounts, so what nobody asks for is closed.</summary>
    internal static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(30);

    private readonly Dictionary<Guid, (FileDescriptor[] Descriptors, LoopTimer Expiry)> _sets = [];

    public bool CanAdd(Guid token) => token != Guid.Empty && !_sets.ContainsKey(token) && _sets.Count < MaxSets;

    /// <returns>False when the token is taken or there are too many; the descriptors stay the caller's.</returns>
    public bool Add(Guid token, FileDescriptor[] descriptors)
    {
        if (!CanAdd(token))
        {
            return false;
        }

        _sets.Add(token, (descriptors, loop.After(Lifetime, () => Expire(token))));
        return true;
    }

    /// <returns>The caller's to close; null when there is no such token (any more).</returns>
    public FileDescriptor[]? Take(Guid token)
    {
        if (!_sets.Remove(token, out var set))
        {
            return null;
        }

        set.Expiry.Cancel();
        return set.Descriptors;
    }

    private void Expire(Guid token)
    {
        foreach (var descriptor in Take(token) ?? [])
        {
            descriptor.Dispose();
        }
    }
}
