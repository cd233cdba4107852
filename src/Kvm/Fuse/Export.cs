using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>How the guest sees an export.</summary>
/// <param name="IsReadOnly">The server refuses changes, whatever the guest's kernel thinks.</param>
/// <param name="CacheTime">
/// How long the guest may go by what it was told of names (also of those that do not exist) and attributes. What others than the guest change
/// is seen after that time at the latest.
/// </param>
public readonly record struct ExportOptions(bool IsReadOnly, TimeSpan CacheTime)
{
    /// <summary>For what others change too, such as a configMap's directory: seen within half a second.</summary>
    public static ExportOptions Shared { get; } = new(IsReadOnly: false, TimeSpan.FromMilliseconds(500));

    /// <summary>For what the guest alone changes, such as its root filesystem.</summary>
    public static ExportOptions Exclusive { get; } = new(IsReadOnly: false, TimeSpan.FromHours(1));

    /// <summary>Whether cached data survives until the file is opened again.</summary>
    internal bool KeepsCache => CacheTime > TimeSpan.FromSeconds(1);
}

/// <summary>A directory or a regular file of the node that a guest finds under a name in the root of its filesystem.</summary>
internal sealed class Export(ulong id, string name, FileDescriptor root, FileType type, ExportOptions options)
{
    private volatile bool _isRemoved;

    /// <summary>Never used again; in the order in which exports were added.</summary>
    internal ulong Id => id;

    internal string Name => name;

    /// <summary>The directory or file itself.</summary>
    internal FileDescriptor Root => root;

    internal FileType Type => type;

    internal ExportOptions Options => options;

    /// <summary>From then on nothing of it is opened, and what is still known of it is stale.</summary>
    internal bool IsRemoved => _isRemoved;

    internal void MarkRemoved() => _isRemoved = true;
}
