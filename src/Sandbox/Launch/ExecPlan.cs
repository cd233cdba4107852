using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>What the plan of an exec is compiled from.</summary>
internal sealed record ExecPlanInput
{
    internal required ProcessSpec Process { get; init; }

    internal required ResolvedUser User { get; init; }

    internal required LaunchFacts Facts { get; init; }

    internal required PodNamespaces Namespaces { get; init; }

    /// <summary>The launcher's own procfs.</summary>
    internal required FileDescriptor Procfs { get; init; }

    /// <summary>A null device that can be trusted.</summary>
    internal required FileDescriptor Nothing { get; init; }

    /// <summary>The pidfd of the container's first process.</summary>
    internal required FileDescriptor Container { get; init; }

    /// <summary>The container's cgroup on v2; null on v1.</summary>
    internal required FileDescriptor? CgroupDirectory { get; init; }

    internal required StandardStreams Streams { get; init; }
}

/// <summary>Compiles the system calls that start one more process in a running container. The launch itself makes no namespace.</summary>
internal static class ExecPlan
{
    internal static Plan Compile(ExecPlanInput input)
    {
        var (spec, user) = (input.Process, input.User);
        var builder = new PlanBuilder();
        var procfs = builder.Descriptor("procfs", input.Procfs);
        var process = new ProcessSteps(builder, procfs, spec, user, input.Facts);
        builder.Label("Start from nothing inherited").Umask(0);
        process.SetOomScore();
        if (input.Namespaces.User is not null)
        {
            process.RaiseLimits();
        }

        EnterContainer(builder, input);
        var root = builder.Label("Find the root directory")
            .OpenAt(PlanDescriptor.CurrentDirectory, "/", OpenFlags.Path | OpenFlags.Directory).As("root");
        process.Begin();
        if (spec.Terminal)
        {
            var terminal = new TerminalSteps(builder);
            terminal.OpenIn(root);
            terminal.Prepare(user.Uid);
            terminal.Connect();
        }
        else
        {
            new StreamSteps(builder, input.Streams).ConnectWith(builder.Descriptor("null", input.Nothing));
        }

        process.EnterDirectory(root);
        process.Execute();
        return builder.Build();
    }

    /// <summary>
    /// The PID namespace is entered by a second child, after the mount namespace: the container's processes never see one
    /// whose root directory is the node's. With a user namespace that is not needed, since none of their capabilities reaches
    /// a process that is not dumpable; and the second child is born in the cgroup while it still may be.
    /// </summary>
    private static void EnterContainer(PlanBuilder builder, ExecPlanInput input)
    {
        const NamespaceFlags Shared = NamespaceFlags.Mount | NamespaceFlags.Network | NamespaceFlags.Ipc | NamespaceFlags.Uts;
        var container = builder.Descriptor("container", input.Container);
        var hasUser = input.Namespaces.User is not null;
        builder.Label("Enter the container");
        builder.SetNs(container, hasUser ? NamespaceFlags.Pid : NamespaceFlags.Pid | Shared);
        builder.Clone(
            NamespaceFlags.None,
            LaunchStops.Deadline,
            input.CgroupDirectory is { } directory ? builder.Descriptor("cgroup", directory) : null);
        if (input.Facts.Cgroups == CgroupVersion.V1)
        {
            builder.Stop(LaunchStops.Cgroup, LaunchStops.Deadline);
        }

        if (hasUser)
        {
            builder.SetNs(container, NamespaceFlags.User | NamespaceFlags.Cgroup | Shared);
            new NamespaceSteps(builder).BecomeRoot();
        }
        else
        {
            builder.SetNs(container, NamespaceFlags.Cgroup);
        }
    }
}
