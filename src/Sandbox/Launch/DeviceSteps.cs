using System.Globalization;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>
/// Steps that make the container's /dev: a tmpfs of its own, so that nothing in the image is trusted (CVE-2025-31133). They
/// begin before the pod's user namespace is joined, since there mknod is not permitted; so a user namespace needs none of the
/// node's device files, and the files belong to its root.
/// </summary>
internal sealed class DeviceSteps
{
    private const uint Everyone = 0x1B6;

    private static readonly (string Name, uint Major, uint Minor)[] _always =
    [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ];

    private static readonly (string Name, string Target)[] _links =
    [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"), ("core", "/proc/kcore"),
    ];

    private readonly PlanBuilder _builder;
    private readonly PodNamespaces _namespaces;
    private readonly HashSet<string> _made = new(StringComparer.Ordinal);

    internal DeviceSteps(PlanBuilder builder, PodNamespaces namespaces)
    {
        _builder = builder;
        _namespaces = namespaces;
        _builder.Label("Make /dev");
        var context = _builder.NewFilesystem("tmpfs");
        _builder.FsConfigString(context, "mode", "755");
        _builder.FsConfigString(context, "size", "65536k");
        if (namespaces.User is not null)
        {
            _builder.FsConfigString(context, "uid", NodeUid(0).ToString(CultureInfo.InvariantCulture));
            _builder.FsConfigString(context, "gid", NodeGid(0).ToString(CultureInfo.InvariantCulture));
        }

        _builder.FsConfigCreate(context);
        Devfs = _builder.FsMount(context, MountAttributes.NoSuid | MountAttributes.StrictAccessTime).As("devfs");
    }

    /// <summary>The tmpfs.</summary>
    internal PlanDescriptor Devfs { get; }

    /// <summary>Makes the device files that every container has, and those of the specification.</summary>
    internal void Make(IReadOnlyList<DeviceSpec> devices, RootTree tree)
    {
        foreach (var (name, major, minor) in _always)
        {
            MakeNode(Devfs, name, FileType.CharacterDevice, Everyone, (major, minor), (0, 0));
            _made.Add($"dev/{name}");
        }

        foreach (var device in devices)
        {
            Make(device, tree);
        }
    }

    /// <summary>Mounts it on the real directory /dev, and makes what the container's root owns there.</summary>
    internal void Attach(RootTree tree, bool hasKcore)
    {
        _builder.Label("Mount /dev").MoveMount(Devfs, tree.MountPoint("dev", isFile: false, real: true));
        tree.Covered("dev");
        foreach (var (name, target) in _links)
        {
            if ((name != "core" || hasKcore) && _made.Add($"dev/{name}"))
            {
                _builder.SymlinkAt(target, Devfs, name);
            }
        }
    }

    private void Make(DeviceSpec device, RootTree tree)
    {
        var path = ImagePath.Normalize(device.Path, "The device");
        if (!_made.Add(path))
        {
            return;
        }

        _builder.Label($"Make the device /{path}");
        PlanDescriptor directory;
        if (path.StartsWith("dev/", StringComparison.Ordinal))
        {
            path = path["dev/".Length..];
            MakeDirectories(RootTree.Above(path));
            directory = Devfs;
        }
        else
        {
            directory = tree.Directory(RootTree.Above(path));
            path = RootTree.Name(path);
        }

        var type = device.Type == 'b' ? FileType.BlockDevice : FileType.CharacterDevice;
        MakeNode(directory, path, type, device.Mode & 0xFFF, (device.Major, device.Minor), (device.Uid, device.Gid));
    }

    // Nobody else has made anything in this tmpfs, so that a path in it has no symlinks.
    private void MakeDirectories(string path)
    {
        if (path.Length > 0 && _made.Add($"dev/{path}"))
        {
            MakeDirectories(RootTree.Above(path));
            _builder.MkdirAt(Devfs, path, 0x1ED);
            Own(Devfs, path, (0, 0));
        }
    }

    private void MakeNode(
        PlanDescriptor directory, string name, FileType type, uint mode, (uint Major, uint Minor) number, (uint Uid, uint Gid) owner)
    {
        _builder.MknodAt(directory, name, type, mode, number.Major, number.Minor);
        Own(directory, name, owner);
    }

    private void Own(PlanDescriptor directory, string name, (uint Uid, uint Gid) owner)
    {
        var (uid, gid) = (NodeUid(owner.Uid), NodeGid(owner.Gid));
        if ((uid, gid) != (0, 0))
        {
            _builder.FchownAt(directory, name, uid, gid);
        }
    }

    // A device of the node may belong to a group that the pod does not have; its root then has it.
    private uint NodeUid(uint id) => IdMap.ToNode(_namespaces.UidMappings, id) ?? IdMap.ToNode(_namespaces.UidMappings, 0) ?? 0;

    private uint NodeGid(uint id) => IdMap.ToNode(_namespaces.GidMappings, id) ?? IdMap.ToNode(_namespaces.GidMappings, 0) ?? 0;
}
