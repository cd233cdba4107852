using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Steps that hide parts of /proc and /sys, and make others read-only. Paths that the kernel does not have are left out.</summary>
internal sealed class ProtectionSteps(PlanBuilder builder, RootTree tree, ContainerSpec spec)
{
    private readonly List<PlanDescriptor> _empty = [];

    /// <summary>
    /// Makes copies of one empty read-only tmpfs for directories to be hidden. Only an attached mount can be copied (before
    /// Linux 6.15), so that it lies on the node's root for a moment, in this mount namespace.
    /// </summary>
    internal void Prepare(PlanDescriptor node)
    {
        if (spec.MaskedPaths.Count == 0)
        {
            return;
        }

        var context = builder.NewFilesystem("tmpfs");
        builder.FsConfigString(context, "mode", "755");
        builder.FsConfigCreate(context);
        var empty = builder.FsMount(
            context, MountAttributes.ReadOnly | MountAttributes.NoSuid | MountAttributes.NoDev | MountAttributes.NoExec).As("empty");
        builder.MoveMount(empty, node);
        foreach (var _ in spec.MaskedPaths)
        {
            _empty.Add(builder.OpenTree(empty, "", OpenTreeFlags.Clone | OpenTreeFlags.EmptyPath).As($"empty{_empty.Count}"));
        }

        builder.Umount2("/", UnmountFlags.Detach);
    }

    /// <param name="devfs">The container's own /dev, whose null cannot have been swapped (CVE-2025-31133).</param>
    internal void Apply(PlanDescriptor devfs)
    {
        if (spec.MaskedPaths.Count > 0)
        {
            builder.Label("Hide paths");
            var nothing = builder.OpenAt2(devfs, "null", OpenFlags.Path, ResolveFlags.Beneath | ResolveFlags.NoSymlinks).As("null");
            for (var i = 0; i < spec.MaskedPaths.Count; i++)
            {
                Hide(ImagePath.Normalize(spec.MaskedPaths[i], "The masked path"), _empty[i], nothing);
            }
        }

        foreach (var path in spec.ReadonlyPaths)
        {
            MakeReadOnly(ImagePath.Normalize(path, "The read-only path"));
        }
    }

    private void Hide(string path, PlanDescriptor empty, PlanDescriptor nothing)
    {
        builder.Label($"Hide /{path}");
        var directory = tree.FindDirectory(path);
        builder.MoveMount(empty, directory);
        var file = tree.Find(path).Unless(directory);
        var copy = builder.OpenTree(nothing, "", OpenTreeFlags.Clone | OpenTreeFlags.EmptyPath).Unless(directory).As("copy of null");
        builder.MoveMount(copy, file);
    }

    private void MakeReadOnly(string path)
    {
        builder.Label($"Make /{path} read-only");
        var found = tree.Find(path);
        var copy = builder.OpenTree(
            found, "", OpenTreeFlags.Clone | OpenTreeFlags.Recursive | OpenTreeFlags.EmptyPath).As($"copy of /{path}");
        builder.MountSetAttr(copy, MountAttributes.ReadOnly, recursive: true);
        builder.MoveMount(copy, found);
    }
}
