using Crisp.Linux;

namespace Crisp.Images.Archives;

/// <summary>What an entry of a tar archive is. Other types of the format are refused by the reader.</summary>
internal enum TarEntryKind
{
    File,
    HardLink,
    Symlink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// <summary>One entry of a tar archive, with what PAX and GNU headers before it say.</summary>
internal sealed record TarEntry
{
    /// <summary>As it is in the archive: nothing about it may be trusted.</summary>
    public required string Name { get; init; }

    public required TarEntryKind Kind { get; init; }

    /// <summary>Permission, set-id and sticky bits.</summary>
    public uint Mode { get; init; }

    public uint Uid { get; init; }

    public uint Gid { get; init; }

    /// <summary>Bytes of data; 0 for everything but files.</summary>
    public long Size { get; init; }

    public Timestamp Modified { get; init; }

    /// <summary>Of hard links and symlinks, as it is in the archive.</summary>
    public string Target { get; init; } = "";

    public uint DeviceMajor { get; init; }

    public uint DeviceMinor { get; init; }

    public IReadOnlyList<TarXattr> Xattrs { get; init; } = [];
}

/// <summary>An extended attribute (PAX record SCHILY.xattr.NAME). Values are bytes: security.capability is no text.</summary>
internal sealed record TarXattr(string Name, byte[] Value);
