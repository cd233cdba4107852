using Crisp.CriServer.Hosting;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Grpc.Core;

namespace Crisp.CriServer.Containers;

/// <summary>Opens the node's side of a mount as a detached mount, with everything that mount_setattr(2) can say of it.</summary>
public static class BindMounts
{
    /// <param name="mount">Its source is a <see cref="BindSource"/>.</param>
    /// <param name="userNamespace">Of the pod, for id-mapped mounts.</param>
    /// <exception cref="CriException">The source is gone, or its propagation cannot be had.</exception>
    public static FileDescriptor Open(MountSpec mount, FileDescriptor? userNamespace)
    {
        var source = (BindSource)mount.Source;
        try
        {
            CheckPropagation(mount, source);
            var tree = Mounts.OpenTree(
                FileDescriptor.CurrentDirectory,
                source.Path,
                OpenTreeFlags.Clone | OpenTreeFlags.NoFollow | (source.Recursive ? OpenTreeFlags.Recursive : OpenTreeFlags.None));
            try
            {
                SetAttributes(tree, mount, source, userNamespace);
                return tree;
            }
            catch
            {
                tree.Dispose();
                throw;
            }
        }
        catch (LinuxException e)
        {
            throw new CriException(StatusCode.InvalidArgument, $"{source.Path} cannot be mounted on {mount.Target}: {e.Message}.", e);
        }
    }

    private static void SetAttributes(FileDescriptor tree, MountSpec mount, BindSource source, FileDescriptor? userNamespace)
    {
        Mounts.MountSetAttr(tree, MountAttributes.None, propagation: Propagation(mount), recursive: source.Recursive);
        SetFlags(tree, mount);
        if (mount.UidMappings.Count > 0)
        {
            Mounts.MountSetAttr(
                tree,
                MountAttributes.IdMap,
                userNamespace: userNamespace,
                recursive: source.Recursive);
        }
    }

    internal static void SetFlags(FileDescriptor tree, MountSpec mount)
    {
        var set = MountAttributes.None;
        set |= mount.Nosuid ? MountAttributes.NoSuid : 0;
        set |= mount.Nodev ? MountAttributes.NoDev : 0;
        set |= mount.Noexec ? MountAttributes.NoExec : 0;
        set |= mount.Readonly && !mount.RecursiveReadonly ? MountAttributes.ReadOnly : 0;
        if (set != MountAttributes.None)
        {
            Mounts.MountSetAttr(tree, set);
        }

        if (mount.RecursiveReadonly)
        {
            Mounts.MountSetAttr(tree, MountAttributes.ReadOnly, recursive: true);
        }
    }

    private static MountFlags Propagation(MountSpec mount) => mount.Propagation switch
    {
        MountPropagation.Slave => MountFlags.Slave,
        MountPropagation.Shared => MountFlags.Shared,
        _ => MountFlags.Private,
    };

    // A private mount has no peers: a copy that asks for propagation would be silently cut off from what it asks for.
    private static void CheckPropagation(MountSpec mount, BindSource source)
    {
        if (mount.Propagation == MountPropagation.Private)
        {
            return;
        }

        using var file = Files.Open(source.Path, OpenFlags.Path);
        var id = Files.Status(file).MountId;
        var fields = File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')).FirstOrDefault(f => f[0] == $"{id}");
        var optional = fields?.Skip(6).TakeWhile(f => f != "-").ToList() ?? [];
        var shared = optional.Exists(f => f.StartsWith("shared:", StringComparison.Ordinal));
        var slave = optional.Exists(f => f.StartsWith("master:", StringComparison.Ordinal));
        if (!shared && (mount.Propagation == MountPropagation.Shared || !slave))
        {
            throw CriException.Precondition(
                $"{source.Path} cannot be mounted on {mount.Target} with propagation: it lies on {fields?[4] ?? "a mount"}, which is " +
                "not shared on this node. Make that a shared mount (mount --make-shared).");
        }
    }
}
