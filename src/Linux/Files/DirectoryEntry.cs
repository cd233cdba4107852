using System.Buffers.Binary;

namespace Crisp.Linux;

/// <summary>An entry as getdents64(2) tells it.</summary>
/// <param name="offset">Where the next one is, as the filesystem counts.</param>
/// <param name="type">DT_* of dirent.h.</param>
/// <param name="name">With its NUL.</param>
public readonly ref struct DirectoryEntry(ulong inode, long offset, byte type, ReadOnlySpan<byte> name)
{
    // struct linux_dirent64: d_ino 0, d_off 8, d_reclen 16, d_type 18, d_name 19.
    private const int OffsetOffset = 8;
    private const int LengthOffset = 16;
    private const int TypeOffset = 18;
    private const int NameOffset = 19;

    public ulong Inode { get; } = inode;

    public long Offset { get; } = offset;

    public byte Type { get; } = type;

    public ReadOnlySpan<byte> Name { get; } = name;

    /// <summary>Whether it is "." or "..".</summary>
    public bool IsDot => Name.SequenceEqual(".\0"u8) || Name.SequenceEqual("..\0"u8);

    /// <summary>Takes the first of the entries.</summary>
    /// <returns>False when there is none left.</returns>
    public static bool TryTake(ref Span<byte> entries, out DirectoryEntry entry)
    {
        if (entries.IsEmpty)
        {
            entry = default;
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16LittleEndian(entries[LengthOffset..]);
        var name = entries[NameOffset..length];
        entry = new DirectoryEntry(
            BinaryPrimitives.ReadUInt64LittleEndian(entries),
            BinaryPrimitives.ReadInt64LittleEndian(entries[OffsetOffset..]),
            entries[TypeOffset],
            name[..(name.IndexOf((byte)0) + 1)]);
        entries = entries[length..];
        return true;
    }

    /// <summary>Where a directory stands after these were read from it.</summary>
    public static long LastOffset(Span<byte> entries, long offset)
    {
        while (TryTake(ref entries, out var entry))
        {
            offset = entry.Offset;
        }

        return offset;
    }
}
