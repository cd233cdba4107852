using Crisp.Linux.Interop;

namespace Crisp.Linux.Plans;

public sealed partial class PlanBuilder
{
    /// <summary>fsopen(2) with FSOPEN_CLOEXEC. The result is the filesystem context.</summary>
    public StepReference FsOpen(string type)
        => Add(SystemCall.fsopen, Text(type), Literal(1, ArgumentFormat.FsOpenFlags));

    /// <summary>fsconfig(2), FSCONFIG_SET_FLAG.</summary>
    public StepReference FsConfigFlag(PlanDescriptor context, string key)
        => FsConfig(context, FsConfigCommand.SetFlag, Text(key), Null, Literal(0));

    /// <summary>fsconfig(2), FSCONFIG_SET_STRING. The kernel takes at most 255 bytes.</summary>
    public StepReference FsConfigString(PlanDescriptor context, string key, string value)
        => FsConfig(context, FsConfigCommand.SetString, Text(key), Text(value), Literal(0));

    /// <summary>fsconfig(2), FSCONFIG_SET_FD.</summary>
    public StepReference FsConfigDescriptor(PlanDescriptor context, string key, PlanDescriptor value)
        => FsConfig(context, FsConfigCommand.SetDescriptor, Text(key), Null, value.Argument);

    /// <summary>fsconfig(2), FSCONFIG_CMD_CREATE.</summary>
    public StepReference FsConfigCreate(PlanDescriptor context)
        => FsConfig(context, FsConfigCommand.Create, Null, Null, Literal(0));

    /// <summary>fsmount(2) with FSMOUNT_CLOEXEC. The result is a detached mount.</summary>
    public StepReference FsMount(PlanDescriptor context, MountAttributes attributes = MountAttributes.None)
        => Add(
            SystemCall.fsmount,
            context.Argument,
            Literal(1, ArgumentFormat.FsMountFlags),
            Literal((long)attributes, ArgumentFormat.MountAttributes));

    /// <summary>open_tree(2). The result is a descriptor, with OPEN_TREE_CLONE of a detached mount.</summary>
    public StepReference OpenTree(PlanDescriptor directory, string path, OpenTreeFlags flags)
        => Add(
            SystemCall.open_tree,
            directory.Argument,
            Text(path),
            Literal((long)(flags | OpenTreeFlags.CloseOnExec), ArgumentFormat.OpenTreeFlags));

    /// <summary>move_mount(2) of the mount that a descriptor is, onto the file that another is.</summary>
    public StepReference MoveMount(PlanDescriptor mount, PlanDescriptor target)
        => MoveMount(mount, string.Empty, target, string.Empty, MoveMountFlags.FromEmptyPath | MoveMountFlags.ToEmptyPath);

    /// <summary>move_mount(2).</summary>
    public StepReference MoveMount(PlanDescriptor from, string fromPath, PlanDescriptor to, string toPath, MoveMountFlags flags)
        => Add(
            SystemCall.move_mount,
            from.Argument,
            Text(fromPath),
            to.Argument,
            Text(toPath),
            Literal((long)flags, ArgumentFormat.MoveMountFlags));

    /// <summary>mount_setattr(2) on the mount that the descriptor is in.</summary>
    public StepReference MountSetAttr(
        PlanDescriptor mount,
        MountAttributes set,
        MountAttributes clear = MountAttributes.None,
        MountFlags propagation = MountFlags.None,
        bool recursive = false)
    {
        const int AtRecursive = 0x8000;
        var attr = new mount_attr { attr_set = (ulong)set, attr_clr = (ulong)clear, propagation = (ulong)propagation };
        return Add(
            SystemCall.mount_setattr,
            mount.Argument,
            Text(string.Empty),
            Literal(AtEmptyPath | (recursive ? AtRecursive : 0), ArgumentFormat.AtFlags),
            Struct(attr, new MountAttrSource(set, clear, propagation)),
            Literal(4 * sizeof(ulong)));
    }

    /// <summary>mount(2).</summary>
    public StepReference Mount(string? source, string target, string? type, MountFlags flags, string? data = null)
        => Add(
            SystemCall.mount,
            source is null ? Null : Text(source),
            Text(target),
            type is null ? Null : Text(type),
            Literal((long)flags, ArgumentFormat.MountFlags),
            data is null ? Null : Text(data));

    /// <summary>umount2(2).</summary>
    public StepReference Umount2(string target, UnmountFlags flags)
        => Add(SystemCall.umount2, Text(target), Literal((long)flags, ArgumentFormat.UnmountFlags));

    /// <summary>pivot_root(2). After fchdir to the new root, <c>".", "."</c> stacks the old root there, for umount2 to detach.</summary>
    public StepReference PivotRoot(string newRoot, string putOld) => Add(SystemCall.pivot_root, Text(newRoot), Text(putOld));

    private StepReference FsConfig(
        PlanDescriptor context, FsConfigCommand command, PlanArgument key, PlanArgument value, PlanArgument aux)
        => Add(SystemCall.fsconfig, context.Argument, Literal((long)command, ArgumentFormat.FsConfigCommand), key, value, aux);
}
