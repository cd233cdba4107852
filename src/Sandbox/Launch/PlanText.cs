using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>The plans of containers and execs as text, without root and without anything that would be opened for them.</summary>
/// <param name="rootfs">Where users are looked up and the image's symlinks are followed; null: ids only, and no symlinks.</param>
/// <param name="isFile">Whether a path of the node is a file and no directory.</param>
public sealed class PlanText(LaunchFacts facts, FileDescriptor? rootfs, Func<string, bool> isFile)
{
    // Stands for every descriptor: a plan that is printed shows their names.
    private static readonly FileDescriptor _any = new(-1, ownsHandle: false);

    /// <exception cref="SandboxException">InvalidArgument: the specification contradicts itself, or its user is not known.</exception>
    public string Container(ContainerSpec spec, SandboxSpec pod)
    {
        var mounts = new List<MountInput>();
        var covered = new List<string>();
        foreach (var mount in spec.Mounts)
        {
            var isNodes = ContainerInput.ShowsTheNodes(mount, spec, pod.UidMappings.Count > 0, pod.IpcNamespace, pod.NetworkNamespace);
            var target = ContainerInput.Resolve(mount, rootfs, covered);
            mounts.Add(new MountInput(
                target, mount.Source.NeedsDescriptor || isNodes ? _any : null, mount.Source is BindSource bind && isFile(bind.Path)));
            covered.Add(target);
        }

        var input = new ContainerPlanInput
        {
            Spec = spec,
            User = UserResolver.Resolve(rootfs, spec.Process.User),
            Facts = facts,
            Namespaces = Namespaces(pod),
            Procfs = _any,
            Rootfs = _any,
            Mounts = mounts,
            TargetPidNamespace = _any,
            Streams = Streams(spec.Process),
        };
        if (spec.Namespaces.Pid == PidNamespace.Pod && !pod.SharedPidNamespace)
        {
            throw new SandboxException(RpcCode.InvalidArgument, "The container is to share the pod's PID namespace, and the pod has none.");
        }

        using var plan = ContainerPlan.Compile(input);
        return Print(plan, input.LaunchNamespaces, facts.Cgroups == CgroupVersion.V2);
    }

    /// <inheritdoc cref="Container"/>
    public string Exec(ProcessSpec process, SandboxSpec pod)
    {
        var isV2 = facts.Cgroups == CgroupVersion.V2;
        var user = UserResolver.Resolve(rootfs, process.User);
        using var plan = ExecPlan.Compile(new ExecPlanInput
        {
            Process = process,
            User = user,
            Facts = facts,
            Namespaces = Namespaces(pod),
            Procfs = _any,
            Nothing = _any,
            Container = _any,
            CgroupDirectory = isV2 ? _any : null,
            Streams = Streams(process),
        });
        return Print(plan, NamespaceFlags.None, intoCgroup: false);
    }

    private static string Print(Plan plan, NamespaceFlags namespaces, bool intoCgroup)
        => PlanPrinter.PrintLaunch(namespaces, intoCgroup) + PlanPrinter.Print(plan);

    private static PodNamespaces Namespaces(SandboxSpec pod) => new()
    {
        User = pod.UidMappings.Count > 0 ? _any : null,
        Network = pod.NetworkNamespace ? _any : null,
        Ipc = pod.IpcNamespace ? _any : null,
        Uts = pod.UtsNamespace ? _any : null,
        Pid = pod.SharedPidNamespace ? _any : null,
        UidMappings = pod.UidMappings,
        GidMappings = pod.GidMappings,
    };

    private static StandardStreams Streams(ProcessSpec process) => new(process.Stdin ? _any : null, _any, _any);
}
