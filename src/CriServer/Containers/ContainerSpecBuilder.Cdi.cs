using Crisp.Cri.V1;
using Crisp.CriServer.Cdi;
using Crisp.CriServer.Hosting;
using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

public static partial class ContainerSpecBuilder
{
    private const uint NodeMode = 0x1B6;

    /// <summary>Adds the devices of CDI to those that were asked for otherwise; one with the same path takes its place.</summary>
    private static void AddCdiDevices(ContainerSpecInput input, List<DeviceSpec> nodes, List<DeviceRuleSpec> rules)
    {
        foreach (var asked in input.Cdi.Edits.DeviceNodes)
        {
            var node = CdiNode(asked, input.Security);
            nodes.RemoveAll(n => n.Path == node.Path);
            nodes.Add(node);
            if (asked.Permissions != "none")
            {
                rules.Add(new DeviceRuleSpec(true, node.Type, node.Major, node.Minor, asked.Permissions.Length > 0 ? asked.Permissions : "rwm"));
            }
        }
    }

    private static DeviceSpec CdiNode(CdiDeviceNode asked, LinuxContainerSecurityContext security)
    {
        if (asked.Type == "p")
        {
            throw CriException.Invalid($"The CDI device node {asked.Path} is a FIFO, and this version gives none to containers. A mount of it does the same.");
        }

        // As CDI's own library has it: a container that runs as somebody gets devices of its own.
        var host = CdiHostNode(asked);
        return new DeviceSpec(
            asked.Path,
            asked.Type.Length > 0 ? CdiType(asked) : host!.Type,
            asked.Major != 0 ? asked.Major : host!.Major,
            asked.Major != 0 ? asked.Minor : host!.Minor,
            asked.FileMode ?? host?.Mode ?? NodeMode,
            asked.Uid ?? Given(security.RunAsUser) ?? host?.Uid ?? 0,
            asked.Gid ?? Given(security.RunAsGroup) ?? host?.Gid ?? 0);
    }

    private static char CdiType(CdiDeviceNode asked) => asked.Type == "u" ? 'c' : asked.Type[0];

    private static uint? Given(Int64Value? id) => id is { Value: > 0 and <= uint.MaxValue } ? (uint)id.Value : null;

    /// <summary>The device of the node's that the specification means; null where it says enough of it, and the node has it nowhere.</summary>
    private static DeviceSpec? CdiHostNode(CdiDeviceNode asked)
    {
        var path = asked.HostPath.Length > 0 ? asked.HostPath : asked.Path;
        var isWhole = asked.Type.Length > 0 && asked.Major != 0;
        try
        {
            using var file = Files.Open(path, OpenFlags.Path);
            var status = Files.Status(file);
            var node = Node(asked.Path, status);
            if (isWhole)
            {
                return node is not null && (node.Type, node.Major, node.Minor) == (CdiType(asked), asked.Major, asked.Minor) ? node : null;
            }

            return node is null
                ? throw CriException.Invalid($"The CDI device node {asked.Path} is {path} of the node, which is no device but a {status.Type} file.")
                : asked.Type.Length == 0 || node.Type == CdiType(asked)
                ? node
                : throw CriException.Invalid($"The CDI device node {asked.Path} is of type {asked.Type}, and {path} of the node is of type {node.Type}.");
        }
        catch (LinuxException) when (isWhole)
        {
            return null;
        }
        catch (LinuxException e)
        {
            throw new CriException(
                Grpc.Core.StatusCode.InvalidArgument, $"The CDI device node {asked.Path} cannot be given to the container: {e.Message}.", e);
        }
    }

    private static MountSpec CdiMount(CdiMount asked, ContainerSpecInput input)
    {
        var options = asked.Options ?? [];
        if (asked.Type is not ("" or "bind" or "none"))
        {
            throw CriException.Invalid($"The CDI mount on {asked.ContainerPath} is of type {asked.Type}; this version makes bind mounts alone.");
        }

        if (!Path.Exists(asked.HostPath))
        {
            throw CriException.Invalid($"The CDI mount on {asked.ContainerPath} is of {asked.HostPath}, which does not exist on the node.");
        }

        var mount = new Mount { HostPath = asked.HostPath, ContainerPath = asked.ContainerPath };
        foreach (var option in options)
        {
            switch (option)
            {
                case "ro":
                    mount.Readonly = true;
                    break;
                case "noexec" or "nodev" or "nosuid":
                    mount.MountOptions.Add(option);
                    break;
                case "shared" or "rshared":
                    mount.Propagation = Cri.V1.MountPropagation.PropagationBidirectional;
                    break;
                case "slave" or "rslave":
                    mount.Propagation = Cri.V1.MountPropagation.PropagationHostToContainer;
                    break;
                case "rw" or "bind" or "rbind" or "private" or "rprivate" or "exec" or "dev" or "suid":
                    break;
                default:
                    throw CriException.Invalid($"The CDI mount on {asked.ContainerPath} has the option \"{option}\", which this version does not have.");
            }
        }

        var spec = Mount(mount, input);
        return options.Contains("bind") && !options.Contains("rbind") ? spec with { Source = ((BindSource)spec.Source) with { Recursive = false } } : spec;
    }
}
