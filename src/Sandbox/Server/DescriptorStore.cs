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
    private readonly HashSet<Guid> _arriving = [];

    /// <summary>Makes room for a set that is on its way.</summary>
    /// <returns>False when the token is taken, or there are too many.</returns>
    public bool Reserve(Guid token)
        => token != Guid.Empty && !_sets.ContainsKey(token) && _sets.Count + _arriving.Count < MaxSets && _arriving.Add(token);

    /// <summary>The set has arrived. The store closes what nobody takes in time.</summary>
    public void Add(Guid token, FileDescriptor[] descriptors)
    {
        _arriving.Remove(token);
        _sets.Add(token, (descriptors, loop.After(Lifetime, () => Expire(token))));
    }

    /// <summary>The set will not arrive.</summary>
    public void Release(Guid token) => _arriving.Remove(token);

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
