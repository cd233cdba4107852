using System.Text;
using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>OPENDIR, READDIR, READDIRPLUS.</summary>
internal sealed partial class FuseServer
{
    private const byte DirectoryType = 4; // DT_DIR
    private const byte RegularType = 8; // DT_REG

    private Errno OpenDirectory(FuseRequest request)
    {
        if (request.NodeId == FuseConstant.FUSE_ROOT_ID)
        {
            return request.Reply(new fuse_open_out());
        }

        using var directory = Target(request, forChange: false, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        if (directory.Owner.Type != FileType.Directory)
        {
            return Errno.ENOTDIR;
        }

        error = Reopen(directory, OpenFlags.ReadOnly | OpenFlags.Directory, out var opened);
        if (error != Errno.None || (error = _handles.Add(directory.Owner, opened!, out var handle)) != Errno.None)
        {
            return error;
        }

        var keepsCache = directory.Owner.Export.Options.KeepsCache ? FuseConstant.FOPEN_CACHE_DIR | FuseConstant.FOPEN_KEEP_CACHE : 0;
        return request.Reply(new fuse_open_out { fh = handle, open_flags = keepsCache });
    }

    private Errno ReadDirectory(FuseRequest request, bool isPlus)
    {
        if (!request.TryRead(out fuse_read_in arguments))
        {
            return Errno.EINVAL;
        }

        var writer = new DirectoryWriter(request.Room((int)Math.Min(arguments.size, DirectoryWriter.MostLength)), isPlus);
        var error = request.NodeId == FuseConstant.FUSE_ROOT_ID
            ? ReadRoot(arguments.offset, isPlus, ref writer)
            : ReadEntries(request, arguments, isPlus, ref writer);
        request.ReplyRoom(writer.Length);
        return error;
    }

    private Errno ReadEntries(FuseRequest request, in fuse_read_in arguments, bool isPlus, ref DirectoryWriter writer)
    {
        using var open = _handles.Open(arguments.fh, request.NodeId, isDirectory: true, out var error);
        if (error != Errno.None)
        {
            return error;
        }

        // As many as fit into the reply whatever their names: none is read in vain, and none looked up that the guest is not told of.
        var entries = request.Scratch(writer.SourceLength);
        lock (open.Owner.Reading)
        {
            var offset = (long)arguments.offset;
            if (offset != open.Owner.Position && (error = FileCalls.Seek(open.File, offset, 0, out _)) != Errno.None)
            {
                return error;
            }

            open.Owner.Position = offset;
            error = FileCalls.ReadEntries(open.File, entries, out var length);
            if (error != Errno.None)
            {
                return error;
            }

            entries = entries[..length];
            open.Owner.Position = DirectoryEntry.LastOffset(entries, offset);
        }

        while (DirectoryEntry.TryTake(ref entries, out var entry))
        {
            var known = default(fuse_entry_out);
            if (isPlus && !entry.IsDot)
            {
                // One that is gone already, or cannot be looked at, is told of without its attributes.
                Enter(open.Owner.Inode, open.File, entry.Name, out known);
            }

            writer.Add(entry, known);
        }

        return Errno.None;
    }

    private Errno ReadRoot(ulong offset, bool isPlus, ref DirectoryWriter writer)
    {
        Span<byte> name = stackalloc byte[ExportTable.MostNameLength + 1];
        for (var export = _exports.After(offset); export is not null; export = _exports.After(export.Id))
        {
            var length = Encoding.ASCII.GetBytes(export.Name, name);
            name[length] = 0;
            if (!writer.HasRoom(length))
            {
                break;
            }

            var known = default(fuse_entry_out);
            if (isPlus)
            {
                EnterExport(export, out known);
            }

            var type = export.Type == FileType.Directory ? DirectoryType : RegularType;
            writer.Add(new DirectoryEntry(export.Id, (long)export.Id, type, name[..(length + 1)]), known);
        }

        return Errno.None;
    }
}
