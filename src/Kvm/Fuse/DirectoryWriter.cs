using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>Writes struct fuse_dirent, or with what was looked up struct fuse_direntplus, one after the other.</summary>
internal ref struct DirectoryWriter(Span<byte> room, bool isPlus)
{
    /// <summary>Bytes of entries in one reply.</summary>
    internal const int MostLength = 32 * 1024;

    // What a record takes more than getdents64's at most (its header and both paddings), and the least that getdents64's takes.
    private const int Alignment = 8;
    private const int LeastSource = 24;

    private readonly Span<byte> _room = room;
    private readonly int _headerLength = Unsafe.SizeOf<fuse_dirent>() + (isPlus ? Unsafe.SizeOf<fuse_entry_out>() : 0);

    /// <summary>Bytes written.</summary>
    internal int Length { get; private set; }

    /// <summary>How many bytes of getdents64(2) fit in any case.</summary>
    internal readonly int SourceLength => _room.Length / (_headerLength + Alignment) * LeastSource;

    internal readonly bool HasRoom(int nameLength) => RecordLength(nameLength) <= _room.Length - Length;

    internal void Add(scoped DirectoryEntry entry, scoped in fuse_entry_out known)
    {
        var name = entry.Name[..^1];
        var record = _room.Slice(Length, RecordLength(name.Length));
        record.Clear();
        var dirent = record;
        if (isPlus)
        {
            MemoryMarshal.Write(record, known);
            dirent = record[Unsafe.SizeOf<fuse_entry_out>()..];
        }

        MemoryMarshal.Write(dirent, new fuse_dirent { ino = entry.Inode, off = (ulong)entry.Offset, namelen = (uint)name.Length, type = entry.Type });
        name.CopyTo(dirent[Unsafe.SizeOf<fuse_dirent>()..]);
        Length += record.Length;
    }

    private readonly int RecordLength(int nameLength) => (_headerLength + nameLength + Alignment - 1) / Alignment * Alignment;
}
