using System.Text;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>Mounts by descriptor: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2).</summary>
/// <remarks>Every call throws <see cref="LinuxException"/>. A detached mount goes away with its last descriptor.</remarks>
public static class Mounts
{
    private const uint AtEmptyPath = 0x1000;
    private const uint AtRecursive = 0x8000;

    /// <summary>fsopen(2) with FSOPEN_CLOEXEC: a context in which a filesystem is configured.</summary>
    /// <param name="type">As in /proc/filesystems.</param>
    public static FileDescriptor FsOpen(string type)
    {
        const uint FsopenCloexec = 1;
        return Result(Libc.fsopen((int)SystemCall.fsopen, type, FsopenCloexec), "fsopen", type);
    }

    /// <summary>fsconfig(2), FSCONFIG_SET_FLAG.</summary>
    public static void FsConfigFlag(FileDescriptor context, string key)
        => FsConfig(context, FsConfigCommand.SetFlag, key, null, 0);

    /// <summary>fsconfig(2), FSCONFIG_SET_STRING. The kernel takes at most 255 bytes.</summary>
    public static void FsConfigString(FileDescriptor context, string key, string value)
        => FsConfig(context, FsConfigCommand.SetString, key, value, 0);

    /// <summary>fsconfig(2), FSCONFIG_SET_FD. Which keys take a descriptor differs by kernel (overlayfs: 6.13).</summary>
    public static void FsConfigDescriptor(FileDescriptor context, string key, FileDescriptor value)
    {
        FsConfig(context, FsConfigCommand.SetDescriptor, key, null, value.Number);
        GC.KeepAlive(value);
    }

    /// <summary>fsconfig(2), FSCONFIG_CMD_CREATE: makes the superblock.</summary>
    public static void FsConfigCreate(FileDescriptor context)
        => FsConfig(context, FsConfigCommand.Create, null, null, 0);

    /// <summary>fsmount(2): a detached mount of the superblock.</summary>
    public static FileDescriptor FsMount(FileDescriptor context, MountAttributes attributes = MountAttributes.None)
    {
        const uint FsmountCloexec = 1;
        var number = Libc.fsmount((int)SystemCall.fsmount, context, FsmountCloexec, (uint)attributes);
        if (number == -1)
        {
            var errno = Check.LastError;
            throw new LinuxException("fsmount", errno, Log(context).TrimStart());
        }

        return new FileDescriptor((int)number);
    }

    /// <summary>open_tree(2).</summary>
    public static FileDescriptor OpenTree(FileDescriptor directory, string path, OpenTreeFlags flags)
    {
        var number = Libc.open_tree((int)SystemCall.open_tree, directory, path, (uint)(flags | OpenTreeFlags.CloseOnExec));
        return Result(number, "open_tree", path);
    }

    /// <summary>
    /// A directory as a detached mount of its own, private, for data alone, without what is mounted beneath it: no path that begins at its
    /// descriptor, not even "..", leads out of it.
    /// </summary>
    /// <param name="path">Beneath <paramref name="directory"/>, or empty for that itself.</param>
    /// <returns>Of O_PATH.</returns>
    public static FileDescriptor CloneDirectory(FileDescriptor directory, string path)
    {
        var tree = OpenTree(directory, path, OpenTreeFlags.Clone | (path.Length == 0 ? OpenTreeFlags.EmptyPath : OpenTreeFlags.None));
        try
        {
            if (Files.Status(tree).Type != FileType.Directory)
            {
                throw new LinuxException("open_tree", Errno.ENOTDIR, path);
            }

            MountSetAttr(tree, MountAttributes.NoSuid | MountAttributes.NoDev | MountAttributes.NoExec, propagation: MountFlags.Private);
            return tree;
        }
        catch
        {
            tree.Dispose();
            throw;
        }
    }

    /// <summary>move_mount(2): attaches a detached mount, or moves one.</summary>
    public static void MoveMount(FileDescriptor from, string fromPath, FileDescriptor to, string toPath, MoveMountFlags flags)
        => Check.Result(Libc.move_mount((int)SystemCall.move_mount, from, fromPath, to, toPath, (uint)flags), "move_mount", toPath);

    /// <summary>mount_setattr(2) on the mount that the descriptor names.</summary>
    /// <param name="propagation">MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE, or none to leave it.</param>
    /// <param name="userNamespace">For <see cref="MountAttributes.IdMap"/>: whose id maps apply.</param>
    public static void MountSetAttr(
        FileDescriptor mount,
        MountAttributes set,
        MountAttributes clear = MountAttributes.None,
        MountFlags propagation = MountFlags.None,
        FileDescriptor? userNamespace = null,
        bool recursive = false)
    {
        var attr = new mount_attr
        {
            attr_set = (ulong)set,
            attr_clr = (ulong)clear,
            propagation = (ulong)propagation,
            userns_fd = userNamespace is null ? 0 : (ulong)userNamespace.Number,
        };
        var flags = AtEmptyPath | (recursive ? AtRecursive : 0);
        // SAFETY: attr lives on this stack for the whole call, and its size is the structure's.
        unsafe
        {
            var result = Libc.mount_setattr((int)SystemCall.mount_setattr, mount, string.Empty, flags, &attr, sizeof(mount_attr));
            Check.Result(result, "mount_setattr", mount);
        }

        GC.KeepAlive(userNamespace);
    }

    /// <summary>mount(2): for what the calls above cannot do below Linux 6.8, and for propagation of whole trees.</summary>
    public static void Mount(string? source, string target, string? type, MountFlags flags, string? data = null)
        => Check.Result(Libc.mount(source, target, type, (nuint)flags, data), "mount", target);

    /// <summary>umount2(2).</summary>
    public static void Umount2(string target, UnmountFlags flags = UnmountFlags.None)
        => Check.Result(Libc.umount2(target, (int)flags), "umount2", target);

    private static void FsConfig(FileDescriptor context, FsConfigCommand command, string? key, string? value, int aux)
    {
        if (Libc.fsconfig((int)SystemCall.fsconfig, context, (uint)command, key, value, aux) == -1)
        {
            // The log is read by a call that sets errno anew.
            var errno = Check.LastError;
            var subject = key is null ? "create" : value is null ? key : $"{key}={value}";
            throw new LinuxException("fsconfig", errno, subject + Log(context));
        }
    }

    // A filesystem context explains itself: each read(2) gives one line such as "e overlay: ...", then ENODATA.
    private static string Log(FileDescriptor context)
    {
        Span<byte> line = stackalloc byte[512];
        var text = string.Empty;
        for (int count; (count = Files.TryRead(context, line, out _)) > 0;)
        {
            text += $" ({Encoding.UTF8.GetString(line[..count]).TrimEnd()})";
        }

        return text;
    }

    private static FileDescriptor Result(nint number, string call, string path)
        => new((int)Check.Result(number, call, path));
}
