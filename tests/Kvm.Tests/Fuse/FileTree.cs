using Crisp.Kvm.Tests.Driver;
using Crisp.Linux;

namespace Crisp.Kvm.Tests.Fuse;

/// <summary>Operations on the files of a directory by their paths; each answers with what it read, or the error.</summary>
internal abstract class FileTree
{
    internal abstract string Mkdir(string[] path, uint mode);

    internal abstract string Mknod(string[] path, uint mode);

    internal abstract string Create(string[] path, bool exclusive);

    internal abstract string Write(string[] path, uint offset, byte[] data);

    internal abstract string Read(string[] path);

    internal abstract string Truncate(string[] path, uint size);

    internal abstract string Unlink(string[] path);

    internal abstract string Rmdir(string[] path);

    internal abstract string Rename(string[] path, string[] newPath, RenameFlags flags);

    internal abstract string Link(string[] path, string[] newPath);

    internal abstract string Symlink(string[] path, string target);

    internal abstract string Readlink(string[] path);

    internal abstract string Chmod(string[] path, uint mode);

    internal abstract string Chown(string[] path, uint uid, uint gid);

    internal abstract string SetXattr(string[] path, string name, byte[] value);

    internal abstract string GetXattr(string[] path, string name);

    internal abstract string List(string[] path);

    /// <summary>Type, mode, owner, links and, of files, size.</summary>
    internal abstract string Status(string[] path);

    protected static string Describe(uint mode, uint uid, uint gid, uint links, ulong size)
        => $"{mode:x} {uid}:{gid} {links}{((mode & 0xF000) == 0x8000 ? $" {size}" : "")}";
}

/// <summary>Through the device, as a guest.</summary>
internal sealed class GuestTree(FuseGuest guest, ulong root) : FileTree
{
    internal override string Mkdir(string[] path, uint mode) => In(path, (parent, name) => Error(guest.Mkdir(parent, name, mode).Error));

    internal override string Mknod(string[] path, uint mode) => In(path, (parent, name) => Error(guest.Mknod(parent, name, mode).Error));

    internal override string Create(string[] path, bool exclusive) => In(path, (parent, name) =>
    {
        var (error, entry, handle) = guest.Create(parent, name, exclusive ? 0x82U : 2U);
        return error == 0 ? Error(guest.Release(entry!.Node, handle)) : Error(error);
    });

    internal override string Write(string[] path, uint offset, byte[] data)
        => Opened(path, 1, (node, handle) => guest.Write(node, handle, offset, data) is { Error: 0 } written ? $"{written.Size}" : "EIO");

    internal override string Read(string[] path)
        => Opened(path, 0, (node, handle) => guest.Read(node, handle, 0, 65536) is { Error: 0 } read ? Convert.ToHexString(read.Data) : "EIO");

    internal override string Truncate(string[] path, uint size) => Of(path, node => Error(guest.Setattr(node, 8, size: size).Error));

    internal override string Unlink(string[] path) => In(path, (parent, name) => Error(guest.Unlink(parent, name)));

    internal override string Rmdir(string[] path) => In(path, (parent, name) => Error(guest.Rmdir(parent, name)));

    internal override string Rename(string[] path, string[] newPath, RenameFlags flags)
        => In(path, (parent, name) => In(newPath, (newParent, newName) => Error(guest.Rename(parent, name, newParent, newName, (uint)flags))));

    internal override string Link(string[] path, string[] newPath) => Of(path, node => In(newPath, (parent, name) => Error(guest.Link(node, parent, name).Error)));

    internal override string Symlink(string[] path, string target) => In(path, (parent, name) => Error(guest.Symlink(parent, name, target).Error));

    internal override string Readlink(string[] path) => Of(path, node => guest.Readlink(node) is { Error: 0 } link ? link.Target : Error(guest.Readlink(node).Error));

    internal override string Chmod(string[] path, uint mode) => Of(path, node => Error(guest.Setattr(node, 1, mode: mode).Error));

    internal override string Chown(string[] path, uint uid, uint gid) => Of(path, node => Error(guest.Setattr(node, 6, uid: uid, gid: gid).Error));

    internal override string SetXattr(string[] path, string name, byte[] value)
        => Of(path, node => Error(guest.Call(FuseGuest.SETXATTR, node, FuseGuest.Bytes((uint)value.Length, 0U, name, value)).Error));

    internal override string GetXattr(string[] path, string name) => Of(path, node =>
    {
        var reply = guest.Call(FuseGuest.GETXATTR, node, FuseGuest.Bytes(100U, 0U, name));
        return reply.Error == 0 ? Convert.ToHexString(reply.Body) : Error(reply.Error);
    });

    internal override string List(string[] path) => Of(path, node =>
    {
        var (error, handle) = guest.Opendir(node);
        return error != 0 ? Error(error) : guest.Release(node, handle, isDirectory: true) == 0 ? string.Join(' ', guest.Names(node)) : "EIO";
    });

    internal override string Status(string[] path) => Of(path, node => guest.Getattr(node) is { Attr: { } a } ? Describe(a.Mode, a.Uid, a.Gid, a.Links, a.Size) : "EIO");

    private static string Error(int error) => $"{(Errno)error}";

    /// <summary>Looks up, does something, and forgets, as a guest without memory.</summary>
    private string Of(string[] path, Func<ulong, string> action)
        => path.Length == 0 ? action(root) : In(path, (parent, name) =>
        {
            var (error, entry) = guest.Lookup(parent, name);
            if (error != 0 || entry!.Node == 0)
            {
                return Error(error != 0 ? error : FuseGuest.ENOENT);
            }

            var result = action(entry.Node);
            guest.Forget(entry.Node, 1);
            return result;
        });

    private string In(string[] path, Func<ulong, string, string> action) => Of(path[..^1], parent => action(parent, path[^1]));

    private string Opened(string[] path, uint flags, Func<ulong, ulong, string> action) => Of(path, node =>
    {
        var (error, handle) = guest.Open(node, flags);
        if (error != 0)
        {
            return Error(error);
        }

        var result = action(node, handle);
        guest.Release(node, handle);
        return result;
    });
}

/// <summary>By the kernel's own calls, a component at a time and following nothing, as the guest's kernel walks.</summary>
internal sealed class HostTree(FileDescriptor root) : FileTree
{
    internal override string Mkdir(string[] path, uint mode) => In(path, (parent, name) => Files.MkdirAt(parent, name, mode));

    internal override string Mknod(string[] path, uint mode) => In(path, (parent, name) => Files.MknodAt(parent, name, (FileType)(mode & 0xF000), mode & 0xFFF));

    internal override string Create(string[] path, bool exclusive)
        => In(path, (parent, name) =>
        {
            if (!exclusive && Files.TryStatusAt(parent, name, out _) is { } status && status.Type != FileType.Regular)
            {
                throw new LinuxException("open", status.Type == FileType.Directory ? Errno.EISDIR : Errno.ENXIO, name);
            }

            Files.OpenAt(parent, name, OpenFlags.ReadWrite | OpenFlags.Create | (exclusive ? OpenFlags.Exclusive : 0), 0x1A4).Dispose();
        });

    internal override string Write(string[] path, uint offset, byte[] data) => Opened(path, OpenFlags.WriteOnly, file => $"{Files.WriteAt(file, data, offset)}");

    internal override string Read(string[] path) => Opened(path, OpenFlags.ReadOnly, file => Convert.ToHexString(Files.ReadToEnd(file, 65536)));

    internal override string Truncate(string[] path, uint size) => Opened(path, OpenFlags.WriteOnly, file =>
    {
        Files.Truncate(file, size);
        return "None";
    }, Errno.ENXIO, directory: Errno.EISDIR);

    internal override string Unlink(string[] path) => In(path, Files.UnlinkAt);

    internal override string Rmdir(string[] path) => In(path, Files.RmdirAt);

    internal override string Rename(string[] path, string[] newPath, RenameFlags flags)
        => In(path, (parent, name) => Throw(In(newPath, (newParent, newName) => Files.RenameAt2(parent, name, newParent, newName, flags))));

    internal override string Link(string[] path, string[] newPath)
        => Of(path, file => In(newPath, (parent, name) => Files.LinkAt(file, parent, name)));

    internal override string Symlink(string[] path, string target) => In(path, (parent, name) => Files.SymlinkAt(target, parent, name));

    internal override string Readlink(string[] path) => Of(path, file => Files.Status(file).Type == FileType.Symlink ? Files.ReadlinkAt(file, "") : $"{Errno.EINVAL}");

    internal override string Chmod(string[] path, uint mode) => Of(path, file =>
    {
        if (Files.Status(file).Type == FileType.Symlink)
        {
            return $"{Errno.EOPNOTSUPP}";
        }

        Files.FchmodPath(file, mode);
        return "None";
    });

    internal override string Chown(string[] path, uint uid, uint gid) => Of(path, file =>
    {
        Files.Fchown(file, uid, gid);
        return "None";
    });

    internal override string SetXattr(string[] path, string name, byte[] value) => In(path, (parent, last) => Files.SetXattrAt(parent, last, name, value));

    internal override string GetXattr(string[] path, string name) => Of(path, file => Files.Status(file).Type is not (FileType.Regular or FileType.Directory)
        ? $"{Errno.ENODATA}"
        : Opened(path, OpenFlags.ReadOnly, opened => Files.GetXattr(opened, name) is { } value ? Convert.ToHexString(value) : $"{Errno.ENODATA}", directory: Errno.None));

    internal override string List(string[] path) => Of(path, file =>
    {
        using var opened = Files.OpenAt(file, ".", OpenFlags.ReadOnly | OpenFlags.Directory);
        return string.Join(' ', Files.ReadDirectory(opened).Order(StringComparer.Ordinal));
    });

    internal override string Status(string[] path) => Of(path, file =>
    {
        var s = Files.Status(file);
        return Describe(s.Mode, s.Uid, s.Gid, s.Links, (ulong)s.Size);
    });

    private string Of(string[] path, Func<FileDescriptor, string> action)
    {
        try
        {
            using var file = Walk(path);
            return action(file);
        }
        catch (LinuxException e)
        {
            return $"{e.Errno}";
        }
    }

    private string In(string[] path, Action<FileDescriptor, string> action) => Of(path[..^1], parent =>
    {
        action(parent, path[^1]);
        return "None";
    });

    private string Opened(string[] path, OpenFlags flags, Func<FileDescriptor, string> action, Errno other = Errno.ENXIO, Errno directory = Errno.EISDIR) => Of(path, file =>
    {
        var type = Files.Status(file).Type;
        if (type == FileType.Directory && directory != Errno.None)
        {
            return $"{directory}";
        }

        if (type is not (FileType.Regular or FileType.Directory))
        {
            return $"{other}";
        }

        using var opened = Files.Open(file.ProcPath, flags);
        return action(opened);
    });

    private FileDescriptor Walk(string[] path)
    {
        var file = root.Duplicate();
        foreach (var name in path)
        {
            using var parent = file;
            file = Files.OpenAt(parent, name, OpenFlags.Path | OpenFlags.NoFollow);
        }

        return file;
    }

    private static void Throw(string result)
    {
        if (result != "None")
        {
            throw new LinuxException("rename", Enum.Parse<Errno>(result));
        }
    }
}
