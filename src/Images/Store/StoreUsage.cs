namespace Crisp.Images;

/// <summary>What the store really takes (CRI's FilesystemUsage).</summary>
/// <param name="Mountpoint">The store's path: CRI takes any path on the filesystem.</param>
/// <param name="Bytes">Allocated blocks, not apparent sizes.</param>
/// <param name="Inodes">Files, directories, links and nodes, each inode once.</param>
public sealed record StoreUsage(string Mountpoint, long Bytes, long Inodes, DateTimeOffset Timestamp);

/// <summary>How far an import is.</summary>
/// <param name="Subject">A digest or a file's name.</param>
/// <param name="Total">Bytes, as the manifest says.</param>
public sealed record ImportProgress(string Subject, long Done, long Total);

/// <summary>A file of the store that could not be read and was moved to damaged/.</summary>
public sealed record DamagedFile(string Path, string Reason);
