using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Sandboxes;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

/// <summary>
/// Turns CRI's ContainerConfig and the image's config into one complete specification. Nothing later needs either of them
/// again. Whatever is wrong with a request is said here, before anything of the container exists.
/// </summary>
public static partial class ContainerSpecBuilder
{
    /// <exception cref="CriException">The request contradicts CRI, or asks for what this node does not have.</exception>
    public static ContainerSpec Build(ContainerSpecInput input)
    {
        if (input.Privileged && !input.Sandbox.Privileged)
        {
            throw CriException.Invalid("A privileged container needs a privileged pod: security_context.privileged of the pod is false.");
        }

        if (input.IsMachine)
        {
            VmLimits.Check(input);
        }

        var (devices, rules) = Devices(input);
        var hooks = Hooks(input);
        return new ContainerSpec
        {
            Id = input.Id,
            Process = Process(input),
            Root = new RootSpec
            {
                Source = new OverlaySource(input.Image.Layers, input.Directories.Upper, input.Directories.Work),
                Readonly = input.Security.ReadonlyRootfs,
            },
            Mounts = Mounts(input),
            Namespaces = Namespaces(input),
            CgroupPath = $"{input.Sandbox.Spec.CgroupPath}/{input.Id}",
            Resources = ResourceLimits.From(input.Config.Linux?.Resources, input.Node.SwapLimits),
            Devices = devices,
            DeviceRules = rules,
            Disks = Disks(input),
            MaskedPaths = MaskedPaths(input),
            ReadonlyPaths = ReadonlyPaths(input),
            Hooks = hooks,
            Bundle = hooks.Count > 0 ? input.Directories.Bundle : null,
            Log = Log(input),
            StopSignal = StopSignals.Choose(input.Config.StopSignal, input.Image.Config.StopSignal),
        };
    }

    private static NamespacesSpec Namespaces(ContainerSpecInput input)
    {
        var options = input.Security.NamespaceOptions ?? new NamespaceOption();
        switch (options.Pid)
        {
            case NamespaceMode.Container:
                return new NamespacesSpec { Pid = PidNamespace.Container };
            case NamespaceMode.Node when input.UserNamespace:
                throw CriException.Invalid("The node's PID namespace cannot be used in a pod with a user namespace of its own.");
            case NamespaceMode.Node:
                return new NamespacesSpec { Pid = PidNamespace.Node };
            case NamespaceMode.Target when options.TargetId.Length == 0:
                throw CriException.Invalid("namespace_options.pid is TARGET, but target_id names no container.");
            case NamespaceMode.Target:
                return new NamespacesSpec { Pid = PidNamespace.Target, TargetContainerId = options.TargetId };
            case NamespaceMode.Pod when input.Sandbox.Spec.SharedPidNamespace:
                return new NamespacesSpec { Pid = PidNamespace.Pod };
            case NamespaceMode.Pod when input.Sandbox.Namespaces.Pid == NamespaceMode.Node:
                return new NamespacesSpec { Pid = PidNamespace.Node };
            case NamespaceMode.Pod:
                throw CriException.Invalid(
                    "namespace_options.pid is POD, but the pod was made with " +
                    $"{input.Sandbox.Namespaces.Pid.ToString().ToUpperInvariant()} and has no PID namespace to share.");
            default:
                throw CriException.Invalid($"namespace_options.pid is {(int)options.Pid}, which is no NamespaceMode.");
        }
    }

    private static LogSpec? Log(ContainerSpecInput input)
    {
        var directory = input.Sandbox.LogDirectory;
        var name = input.Config.LogPath;
        if (directory.Length == 0 || name.Length == 0)
        {
            return null;
        }

        // A name that climbs out of the pod's log directory writes to any file of the node (CVE-2024-5154).
        if (name.StartsWith('/') || name.Contains('\0', StringComparison.Ordinal) || name.EndsWith('/')
            || name.Split('/').Any(part => part is ".." or "." or ""))
        {
            throw CriException.Invalid(
                $"log_path \"{name}\" must be a plain relative path beneath the pod's log_directory {directory}: " +
                "no leading or trailing slash, no \"..\".");
        }

        return new LogSpec(directory, name, HasDescriptor: input.Sandbox.Spec.Vm is not null);
    }
}
