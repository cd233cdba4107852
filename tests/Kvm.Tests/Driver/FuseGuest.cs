using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Devices.Virtio.Fs;
using Crisp.Kvm.Fuse;
using Crisp.Kvm.Memory;
using Xunit;

namespace Crisp.Kvm.Tests.Driver;

/// <summary>struct fuse_attr, as far as tests look at it.</summary>
internal sealed record FuseAttr(ulong Inode, ulong Size, long Modified, uint ModifiedNanoseconds, uint Mode, uint Links, uint Uid, uint Gid, uint Device, uint Flags)
{
    internal const int Length = 88;

    internal static FuseAttr Parse(ReadOnlySpan<byte> a) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(a), BinaryPrimitives.ReadUInt64LittleEndian(a[8..]), BinaryPrimitives.ReadInt64LittleEndian(a[32..]),
        U32(a, 52), U32(a, 60), U32(a, 64), U32(a, 68), U32(a, 72), U32(a, 76), U32(a, 84));

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}

/// <summary>struct fuse_entry_out.</summary>
internal sealed record FuseEntry(ulong Node, ulong Generation, ulong SecondsValid, uint NanosecondsValid, FuseAttr Attr)
{
    internal const int Length = 40 + FuseAttr.Length;

    internal static FuseEntry Parse(ReadOnlySpan<byte> e) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(e), BinaryPrimitives.ReadUInt64LittleEndian(e[8..]), BinaryPrimitives.ReadUInt64LittleEndian(e[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(e[32..]), FuseAttr.Parse(e[40..]));
}

/// <summary>struct fuse_dirent, or fuse_direntplus with its entry.</summary>
internal sealed record FuseDirent(ulong Inode, ulong Offset, uint Type, string Name, FuseEntry? Entry);

/// <summary>An answer: 0 or a positive error number, and what follows the header.</summary>
internal readonly record struct FuseReply(int Error, byte[] Body);

/// <summary>
/// A guest's side of the file system device, written from linux/fuse.h and virtio 1.2 (5.11). It shares no code with the server: numbers and
/// offsets are said here once more.
/// </summary>
internal sealed class FuseGuest : IDisposable
{
    internal const ulong Root = 1;
    internal const int EPERM = 1, ENOENT = 2, EIO = 5, ENXIO = 6, EBADF = 9, ENOMEM = 12, EEXIST = 17, EXDEV = 18, ENOTDIR = 20, EISDIR = 21, EINVAL = 22,
        EMFILE = 24, EROFS = 30, ERANGE = 34, ENOSYS = 38, ENOTEMPTY = 39, ENODATA = 61, EPROTO = 71, EOPNOTSUPP = 95, ESTALE = 116;

    internal const uint LOOKUP = 1, FORGET = 2, GETATTR = 3, SETATTR = 4, READLINK = 5, SYMLINK = 6, MKNOD = 8, MKDIR = 9, UNLINK = 10, RMDIR = 11, RENAME = 12,
        LINK = 13, OPEN = 14, READ = 15, WRITE = 16, STATFS = 17, RELEASE = 18, FSYNC = 20, SETXATTR = 21, GETXATTR = 22, LISTXATTR = 23, REMOVEXATTR = 24,
        FLUSH = 25, INIT = 26, OPENDIR = 27, READDIR = 28, RELEASEDIR = 29, FSYNCDIR = 30, GETLK = 31, ACCESS = 34, CREATE = 35, DESTROY = 38, IOCTL = 39,
        POLL = 40, BATCH_FORGET = 42, FALLOCATE = 43, READDIRPLUS = 44, RENAME2 = 45, LSEEK = 46, COPY_FILE_RANGE = 47, SYNCFS = 50, TMPFILE = 51;

    internal const int HeaderLength = 40, MostRoom = 1 << 20;
    private ulong _input;
    private ulong _output;
    private ulong _unique;

    internal FuseGuest(ExportTable exports, FuseLimits? limits = null, bool hasSession = true)
    {
        var memory = GuestMemory.Create(16 << 20);
        Device = new VirtioFs("crisp", exports, memory, limits ?? new FuseLimits(4096, 4096));
        Driver = new VirtioDriver(Device, memory);
        Start();
        if (hasSession)
        {
            Assert.Equal(0, Init().Error);
        }
    }

    internal VirtioFs Device { get; }

    internal VirtioDriver Driver { get; }

    /// <summary>The queue for forgets.</summary>
    internal DriverQueue Urgent { get; private set; } = null!;

    internal DriverQueue Requests { get; private set; } = null!;

    /// <summary>In whose name requests are.</summary>
    internal uint Uid { get; set; }

    internal uint Gid { get; set; }

    /// <summary>A new driver, which knows nothing of what was before.</summary>
    internal void Restart()
    {
        Driver.FreeAll();
        Start();
        Assert.Equal(0, Init().Error);
    }

    internal FuseReply Init(uint major = 7, uint minor = 38, uint flags = uint.MaxValue)
        => Call(INIT, 0, Bytes(major, minor, 0x2_0000U, flags, 0U, new byte[44]));

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <param name="room">Bytes for what follows the answer's header.</param>
    internal FuseReply Call(uint opcode, ulong node, byte[] arguments, int room = 512)
    {
        var request = Request(opcode, node, arguments);
        request.CopyTo(Driver.Memory.Slice(_input, request.Length));
        var length = Requests.Send(new Part(_input, request.Length, IsWritable: false), new Part(_output, 16 + room, IsWritable: true));
        var reply = Driver.Memory.Slice(_output, (int)length).ToArray();
        Assert.True(reply.Length >= 16, $"The reply to {opcode} has {reply.Length} bytes.");
        Assert.Equal((uint)reply.Length, BinaryPrimitives.ReadUInt32LittleEndian(reply));
        Assert.Equal(_unique, BinaryPrimitives.ReadUInt64LittleEndian(reply.AsSpan(8)));
        var error = -BinaryPrimitives.ReadInt32LittleEndian(reply.AsSpan(4));
        Assert.InRange(error, 0, 4095);
        Assert.True(error == 0 || reply.Length == 16);
        return new FuseReply(error, reply[16..]);
    }

    /// <summary>A whole request: struct fuse_in_header and what follows.</summary>
    internal byte[] Request(uint opcode, ulong node, byte[] arguments, int? length = null)
        => Bytes((uint)(length ?? HeaderLength + arguments.Length), opcode, ++_unique, node, Uid, Gid, 1U, 0U, arguments);

    /// <summary>Sends what has no answer through the queue for it.</summary>
    internal void Forget(ulong node, ulong lookups)
    {
        var request = Request(FORGET, node, Bytes(lookups));
        request.CopyTo(Driver.Memory.Slice(_input, request.Length));
        Assert.Equal(0U, Urgent.Send(new Part(_input, request.Length, IsWritable: false)));
    }

    internal (int Error, FuseEntry? Entry) Lookup(ulong parent, string name) => Entry(Call(LOOKUP, parent, Bytes(name)));

    /// <summary>Walks a path whose parts are all there.</summary>
    internal FuseEntry Walk(params string[] names)
    {
        FuseEntry? entry = null;
        foreach (var name in names)
        {
            (var error, entry) = Lookup(entry?.Node ?? Root, name);
            Assert.Equal((0, name), (error, name));
            Assert.NotEqual(0UL, entry!.Node);
        }

        return entry!;
    }

    internal (int Error, FuseEntry? Entry) Mkdir(ulong parent, string name, uint mode = 0x1ED) => Entry(Call(MKDIR, parent, Bytes(mode, 0U, name)));

    internal (int Error, FuseEntry? Entry) Mknod(ulong parent, string name, uint mode, uint device = 0) => Entry(Call(MKNOD, parent, Bytes(mode, device, 0U, 0U, name)));

    internal (int Error, FuseEntry? Entry) Symlink(ulong parent, string name, string target) => Entry(Call(SYMLINK, parent, Bytes(name, target)));

    internal (int Error, FuseEntry? Entry) Link(ulong node, ulong parent, string name) => Entry(Call(LINK, parent, Bytes(node, name)));

    internal int Unlink(ulong parent, string name) => Call(UNLINK, parent, Bytes(name)).Error;

    internal int Rmdir(ulong parent, string name) => Call(RMDIR, parent, Bytes(name)).Error;

    internal int Rename(ulong parent, string name, ulong newParent, string newName, uint flags = 0)
        => Call(RENAME2, parent, Bytes(newParent, flags, 0U, name, newName)).Error;

    internal (int Error, string Target) Readlink(ulong node)
    {
        var reply = Call(READLINK, node, [], 4096);
        return (reply.Error, Encoding.UTF8.GetString(reply.Body));
    }

    internal (int Error, FuseAttr? Attr) Getattr(ulong node)
    {
        var reply = Call(GETATTR, node, Bytes(0U, 0U, 0UL));
        return (reply.Error, reply.Error == 0 ? FuseAttr.Parse(reply.Body.AsSpan(16)) : null);
    }

    internal (int Error, FuseAttr? Attr) Setattr(
        ulong node, uint valid, ulong handle = 0, ulong size = 0, long atime = 0, long mtime = 0, uint mtimeNanoseconds = 0, uint mode = 0, uint uid = 0, uint gid = 0)
    {
        var reply = Call(SETATTR, node, Bytes(valid, 0U, handle, size, 0UL, atime, mtime, 0UL, 0U, mtimeNanoseconds, 0U, mode, 0U, uid, gid, 0U));
        return (reply.Error, reply.Error == 0 ? FuseAttr.Parse(reply.Body.AsSpan(16)) : null);
    }

    internal (int Error, ulong Handle) Open(ulong node, uint flags = 0, uint openFlags = 0) => Handle(Call(OPEN, node, Bytes(flags, openFlags)), 0);

    internal (int Error, FuseEntry? Entry, ulong Handle) Create(ulong parent, string name, uint flags = 2, uint mode = 0x1A4)
    {
        var reply = Call(CREATE, parent, Bytes(flags, mode | 0x8000, 0U, 0U, name));
        var (error, handle) = Handle(reply, FuseEntry.Length);
        return (error, error == 0 ? FuseEntry.Parse(reply.Body) : null, handle);
    }

    internal (int Error, byte[] Data) Read(ulong node, ulong handle, ulong offset, int size)
    {
        var reply = Call(READ, node, Bytes(handle, offset, (uint)size, 0U, 0UL, 0U, 0U), size);
        return (reply.Error, reply.Body);
    }

    internal (int Error, uint Size) Write(ulong node, ulong handle, ulong offset, byte[] data, uint writeFlags = 0, uint flags = 0)
    {
        var reply = Call(WRITE, node, Bytes(handle, offset, (uint)data.Length, writeFlags, 0UL, flags, 0U, data));
        return (reply.Error, reply.Error == 0 ? BinaryPrimitives.ReadUInt32LittleEndian(reply.Body) : 0);
    }

    internal int Release(ulong node, ulong handle, bool isDirectory = false)
        => Call(isDirectory ? RELEASEDIR : RELEASE, node, Bytes(handle, 0U, 0U, 0UL)).Error;

    internal (int Error, ulong Handle) Opendir(ulong node) => Handle(Call(OPENDIR, node, Bytes(0U, 0U)), 0);

    /// <summary>One request's entries.</summary>
    internal (int Error, List<FuseDirent> Entries) Readdir(ulong node, ulong handle, ulong offset, int size = 4096, bool isPlus = false)
    {
        var reply = Call(isPlus ? READDIRPLUS : READDIR, node, Bytes(handle, offset, (uint)size, 0U, 0UL, 0U, 0U), size);
        var entries = new List<FuseDirent>();
        for (var rest = reply.Body.AsSpan(); !rest.IsEmpty;)
        {
            var entry = isPlus ? FuseEntry.Parse(rest) : null;
            var dirent = rest[(isPlus ? FuseEntry.Length : 0)..];
            var length = (int)BinaryPrimitives.ReadUInt32LittleEndian(dirent[16..]);
            entries.Add(new FuseDirent(
                BinaryPrimitives.ReadUInt64LittleEndian(dirent), BinaryPrimitives.ReadUInt64LittleEndian(dirent[8..]),
                BinaryPrimitives.ReadUInt32LittleEndian(dirent[20..]), Encoding.UTF8.GetString(dirent.Slice(24, length)), entry));
            rest = rest[((isPlus ? FuseEntry.Length : 0) + (24 + length + 7) / 8 * 8)..];
        }

        return (reply.Error, entries);
    }

    /// <summary>A directory's names, without "." and "..", sorted.</summary>
    internal List<string> Names(ulong node)
    {
        var (error, handle) = Opendir(node);
        Assert.Equal(0, error);
        var names = new List<string>();
        for (var offset = 0UL; ;)
        {
            (error, var entries) = Readdir(node, handle, offset);
            Assert.Equal(0, error);
            if (entries.Count == 0)
            {
                Release(node, handle, isDirectory: true);
                names.Sort(StringComparer.Ordinal);
                return names;
            }

            names.AddRange(entries.Select(e => e.Name).Where(n => n is not ("." or "..")));
            offset = entries[^1].Offset;
        }
    }

    public void Dispose() => Driver.Dispose();

    private void Start()
    {
        var queues = Driver.Start(0, 16, 1024);
        (Urgent, Requests) = (queues[0], queues[1]);
        _input = Driver.Allocate(MostRoom + 4096);
        _output = Driver.Allocate(MostRoom + 4096);
    }

    /// <summary>Numbers as they lie in memory, strings with a NUL behind them.</summary>
    internal static byte[] Bytes(params object[] values)
    {
        var bytes = new List<byte>();
        foreach (var value in values)
        {
            bytes.AddRange(value switch
            {
                uint v => BitConverter.GetBytes(v),
                ulong v => BitConverter.GetBytes(v),
                long v => BitConverter.GetBytes(v),
                string v => [.. Encoding.UTF8.GetBytes(v), 0],
                byte[] v => v,
                _ => throw new ArgumentException(value.GetType().Name),
            });
        }

        return [.. bytes];
    }

    private static (int Error, FuseEntry? Entry) Entry(FuseReply reply) => (reply.Error, reply.Error == 0 ? FuseEntry.Parse(reply.Body) : null);

    private static (int Error, ulong Handle) Handle(FuseReply reply, int at)
        => (reply.Error, reply.Error == 0 ? BinaryPrimitives.ReadUInt64LittleEndian(reply.Body.AsSpan(at)) : 0);
}
