using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

public static partial class ContainerSpecBuilder
{
    // What every container may use: it may make any node (mknod is harmless without access), and use null, zero, full,
    // random, urandom, tty, the console, and its own devpts.
    private static readonly DeviceRuleSpec[] _defaultRules =
    [
        new(false, 'a', null, null, "rwm"),
        new(true, 'c', null, null, "m"),
        new(true, 'b', null, null, "m"),
        new(true, 'c', 1, 3, "rwm"),
        new(true, 'c', 1, 5, "rwm"),
        new(true, 'c', 1, 7, "rwm"),
        new(true, 'c', 1, 8, "rwm"),
        new(true, 'c', 1, 9, "rwm"),
        new(true, 'c', 5, 0, "rwm"),
        new(true, 'c', 5, 1, "rwm"),
        new(true, 'c', 5, 2, "rwm"),
        new(true, 'c', 136, null, "rwm"),
    ];

    // The container has its own of these, or they are no devices.
    private static readonly string[] _ownDevices =
        ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "pts", "shm", "mqueue", "fd", "core", "log"];

    private static (List<DeviceSpec> Nodes, List<DeviceRuleSpec> Rules) Devices(ContainerSpecInput input)
    {
        var nodes = new List<DeviceSpec>();
        if (input.Privileged)
        {
            // A machine has devices of its own, which are not the node's to name.
            if (!input.IsMachine)
            {
                AddNodes("/dev", "/dev", nodes, _ownDevices);
            }

            AddAskedDevices(input, nodes, []);
            AddCdiDevices(input, nodes, []);
            return (nodes, [new DeviceRuleSpec(true, 'a', null, null, "rwm")]);
        }

        var rules = new List<DeviceRuleSpec>(_defaultRules);
        AddAskedDevices(input, nodes, rules);
        AddCdiDevices(input, nodes, rules);
        return (nodes, rules);
    }

    /// <summary>Adds the request's own devices, at the paths that it says; one with the same path takes its place.</summary>
    private static void AddAskedDevices(ContainerSpecInput input, List<DeviceSpec> nodes, List<DeviceRuleSpec> rules)
    {
        foreach (var device in input.IsMachine ? [] : input.Config.Devices)
        {
            var asked = Nodes(device);
            nodes.RemoveAll(n => asked.Any(a => a.Path == n.Path));
            nodes.AddRange(asked);
            var access = Access(device);
            rules.AddRange(asked.Select(n => new DeviceRuleSpec(true, n.Type, n.Major, n.Minor, access)));
        }
    }

    private static List<DeviceSpec> Nodes(Device device)
    {
        var nodes = new List<DeviceSpec>();
        var target = Target(device);
        try
        {
            // O_PATH follows symlinks such as /dev/disk/by-id/… without opening the device, which could have effects.
            using var file = Files.Open(device.HostPath, OpenFlags.Path);
            var status = Files.Status(file);
            if (status.Type == FileType.Directory)
            {
                AddNodes(device.HostPath, target.TrimEnd('/'), nodes, []);
            }
            else
            {
                nodes.Add(Node(target, status)
                    ?? throw CriException.Invalid($"{device.HostPath} is no device but a {status.Type} file."));
            }

            return nodes;
        }
        catch (LinuxException e)
        {
            throw new CriException(Grpc.Core.StatusCode.InvalidArgument, $"The device {device.HostPath} cannot be given to the container: {e.Message}.", e);
        }
    }

    /// <summary>Where it is in the container.</summary>
    private static string Target(Device device)
    {
        var target = device.ContainerPath.Length > 0 ? device.ContainerPath : device.HostPath;
        return AbsolutePath.Is(device.HostPath) && AbsolutePath.Is(target)
            ? target
            : throw CriException.Invalid($"The device {device.HostPath} for {target}: both paths must be absolute and without \"..\".");
    }

    private static void AddNodes(string directory, string target, List<DeviceSpec> nodes, string[] except)
    {
        using var opened = Files.Open(directory, OpenFlags.Directory);
        foreach (var name in Files.ReadDirectory(opened).Except(except).Order(StringComparer.Ordinal))
        {
            // A device that vanishes between the two calls was not there.
            if (Files.TryStatusAt(opened, name, out _) is not { } status)
            {
                continue;
            }

            if (status.Type == FileType.Directory)
            {
                AddNodes($"{directory}/{name}", $"{target}/{name}", nodes, []);
            }
            else if (Node($"{target}/{name}", status) is { } node)
            {
                nodes.Add(node);
            }
        }
    }

    private static DeviceSpec? Node(string path, FileStatus status) => status.Type switch
    {
        FileType.CharacterDevice => new(path, 'c', status.DeviceMajor, status.DeviceMinor, status.Permissions, status.Uid, status.Gid),
        FileType.BlockDevice => new(path, 'b', status.DeviceMajor, status.DeviceMinor, status.Permissions, status.Uid, status.Gid),
        _ => null,
    };

    private static string Access(Device device)
    {
        var access = device.Permissions.Length == 0 ? "rwm" : device.Permissions;
        return access.All("rwm".Contains)
            ? access
            : throw CriException.Invalid($"The device {device.HostPath} has permissions \"{access}\"; they are of r, w and m.");
    }
}
