using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>What makes two names one file: the same export, mount, filesystem and inode.</summary>
internal readonly record struct FileIdentity(Export Export, ulong MountId, ulong Filesystem, ulong Number)
{
    internal static FileIdentity Of(Export export, in InodeAttributes attributes)
        => new(export, attributes.MountId, attributes.Filesystem, attributes.Inode);
}

/// <summary>A file that the guest knows by a number. Its fields are the table's to change.</summary>
/// <param name="id">The guest's node id; never used again.</param>
internal sealed class Inode(ulong id, FileIdentity identity, FileType type, FileDescriptor path)
{
    internal ulong Id => id;

    internal FileIdentity Identity => identity;

    internal Export Export => identity.Export;

    internal FileType Type => type;

    /// <summary>A descriptor of O_PATH; closed when the guest has forgotten the file or the export is gone.</summary>
    internal FileDescriptor Path => path;

    /// <summary>How often the guest was told of it and has not forgotten it since.</summary>
    internal ulong Lookups { get; set; }
}
