using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Hooks;

/// <summary>What the plan of a hook is compiled from.</summary>
/// <param name="Procfs">The launcher's own procfs.</param>
/// <param name="Nothing">A null device that can be trusted.</param>
/// <param name="State">Standard input.</param>
/// <param name="Output">Standard output and error.</param>
/// <param name="Container">The pidfd of the process on its way to become the container; null for a hook in the node's namespaces.</param>
internal sealed record HookPlanInput(
    HookSpec Hook, string Bundle, LaunchFacts Facts, FileDescriptor Procfs, FileDescriptor Nothing, FileDescriptor State, FileDescriptor Output, FileDescriptor? Container);

/// <summary>
/// Compiles the system calls that start a hook: the node's root with all its capabilities, because hooks are programs of the node's
/// administrator that set up what a container cannot.
/// </summary>
internal static class HookPlan
{
    private const uint Umask = 0x12;
    private static readonly ResolvedUser _root = new(0, 0, [], "/root");

    internal static Plan Compile(HookPlanInput input)
    {
        var builder = new PlanBuilder();
        var process = new ProcessSteps(
            builder, builder.Descriptor("procfs", input.Procfs), new ProcessSpec { Args = [input.Hook.Path] }, _root, input.Facts);
        if (input.Container is not null && input.Facts.Cgroups == CgroupVersion.V1)
        {
            builder.Label("Enter the container's cgroups").Stop(LaunchStops.Cgroup, LaunchStops.Deadline);
        }

        process.SetOomScore();
        if (input.Container is { } container)
        {
            builder.Label("Enter the container's namespaces").SetNs(
                builder.Descriptor("container", container),
                NamespaceFlags.Mount | NamespaceFlags.Network | NamespaceFlags.Ipc | NamespaceFlags.Uts | NamespaceFlags.Cgroup);
        }

        builder.Label("Enter the bundle");
        builder.Fchdir(builder.OpenAt(PlanDescriptor.CurrentDirectory, input.Bundle, OpenFlags.Path | OpenFlags.Directory).As("bundle"));
        process.Begin();
        new StreamSteps(builder, new StandardStreams(input.State, input.Output, input.Output)).ConnectWith(builder.Descriptor("null", input.Nothing));
        builder.Label("Start clean");
        builder.SignalsDefault();
        builder.Umask(Umask);
        builder.CloseRange(3);
        builder.Label("Execute the hook");
        var hook = input.Hook;
        builder.Execve(
            hook.Path,
            hook.Args.Count > 0 ? hook.Args : [hook.Path],
            hook.Env.Any(e => e.StartsWith("PATH=", StringComparison.Ordinal)) ? hook.Env : [.. hook.Env, $"PATH={ProgramSteps.DefaultPath}"]);
        return builder.Build();
    }
}
