using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Hooks;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>
/// Compiles the specification of a container into the system calls of its birth. The root directory is changed as early as can
/// be, and everything is attached by descriptors: whoever shares the PID namespace finds nothing of the node in /proc/N/root.
/// </summary>
internal sealed class ContainerPlan
{
    private readonly PlanBuilder _builder = new();
    private readonly ContainerPlanInput _input;
    private readonly PlanDescriptor _procfs;
    private readonly PlanDescriptor _rootfs;
    private readonly RootTree _tree;

    private ContainerPlan(ContainerPlanInput input)
    {
        _input = input;
        _procfs = _builder.Descriptor("procfs", input.Procfs);
        _rootfs = _builder.Descriptor("rootfs", input.Rootfs);
        _tree = new RootTree(_builder, _rootfs);
    }

    private ContainerSpec Spec => _input.Spec;

    /// <summary>The plan, to be launched with <see cref="ContainerPlanInput.LaunchNamespaces"/>.</summary>
    internal static Plan Compile(ContainerPlanInput input) => new ContainerPlan(input).Compile();

    private Plan Compile()
    {
        var process = new ProcessSteps(_builder, _procfs, Spec.Process, _input.User, _input.Facts);
        if (_input.Facts.Cgroups == Cgroups.CgroupVersion.V1)
        {
            _builder.Label("Enter the cgroups").Stop(LaunchStops.Cgroup, LaunchStops.Deadline);
        }

        _builder.Label("Start from nothing inherited").Umask(0);
        process.SetOomScore();
        if (_input.HasUserNamespace)
        {
            process.RaiseLimits();
        }

        var devices = new DeviceSteps(_builder, _input.Namespaces);
        devices.Make(Spec.Devices, _tree);
        EnterNamespaces();

        var masks = new ProtectionSteps(_builder, _tree, Spec);
        var mounts = new MountSteps(_builder, _tree, _input);
        if (HookRunner.HoldsUpLaunch(Spec))
        {
            AttachRoot(masks, inBundle: true);
            devices.Attach(_tree, _input.Facts.HasKcore);
            mounts.Attach(proc: false);
            RunHooks(mounts);
            ChangeRoot();
        }
        else
        {
            AttachRoot(masks, inBundle: false);
            ChangeRoot();
            devices.Attach(_tree, _input.Facts.HasKcore);
            mounts.Attach(proc: false);
        }

        EnterSharedPidNamespace();
        if (!HookRunner.HoldsUpLaunch(Spec) || _input.JoinedPidNamespace is not null)
        {
            mounts.Attach(proc: true);
        }

        process.Begin();
        if (Spec.Process.Terminal)
        {
            var terminal = new TerminalSteps(_builder);
            terminal.OpenOf(mounts.Devpts);
            terminal.Prepare(_input.User.Uid);
            terminal.MakeConsole(devices.Devfs);
            terminal.Connect();
        }
        else
        {
            new StreamSteps(_builder, _input.Streams).Connect(devices.Devfs);
        }

        masks.Apply(devices.Devfs);
        if (_input.HasUserNamespace)
        {
            DetachOldRoot();
        }

        process.EnterDirectory(_rootfs, _tree);
        if (Spec.Root.Readonly)
        {
            _builder.Label("Make the rootfs read-only").MountSetAttr(_rootfs, MountAttributes.ReadOnly);
        }

        process.Execute();
        return _builder.Build();
    }

    private void EnterNamespaces()
    {
        new NamespaceSteps(_builder).Join(_input.Namespaces, becomeRoot: !HookRunner.HoldsUpLaunch(Spec));
        if (!_input.HasUserNamespace)
        {
            _builder.Label("Make the cgroup namespace").Unshare(NamespaceFlags.Cgroup);
            return;
        }

        const NamespaceFlags Own = NamespaceFlags.Mount | NamespaceFlags.Cgroup;
        if (_input.JoinedPidNamespace is { } joined)
        {
            _builder.Label("Join the PID namespace").SetNs(_builder.Descriptor("PID namespace", joined), NamespaceFlags.Pid);
        }

        _builder.Label("Make namespaces that the user namespace owns");
        if (_input.JoinedPidNamespace is null && _input.OwnPidNamespace == NamespaceFlags.None)
        {
            _builder.Unshare(Own);
        }
        else
        {
            _builder.Clone(Own | _input.OwnPidNamespace, LaunchStops.Deadline);
        }
    }

    /// <summary>
    /// The mounts of the node are slaves, so that what the node unmounts in the meantime is not held. A user namespace keeps
    /// the old root for a while: the kernel lets it mount proc and sysfs only where they are visible (mount_too_revealing).
    /// </summary>
    /// <param name="inBundle">Where hooks find it, and not on the node's root directory.</param>
    private void AttachRoot(ProtectionSteps masks, bool inBundle)
    {
        _builder.Label("Make the rootfs the root directory");
        _builder.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Slave);
        var node = _builder.OpenAt(PlanDescriptor.CurrentDirectory, "/", OpenFlags.Path | OpenFlags.Directory).As("node's root");
        var place = inBundle ? OpenBundle() : node;
        masks.Prepare(node);
        _builder.MoveMount(_rootfs, place);

        // A directory of the node may lie on a shared mount, which can be no root (pivot_root(2), EINVAL).
        _builder.MountSetAttr(_rootfs, MountAttributes.None, propagation: MountFlags.Private);
        _builder.Close(node);
    }

    /// <summary>
    /// In this mount namespace, and in a user namespace before its root is taken on: the bundle lies in directories that only the node's root
    /// may enter, and without a capability there that is a matter of who one is.
    /// </summary>
    private StepReference OpenBundle()
    {
        var place = _builder.OpenAt(PlanDescriptor.CurrentDirectory, $"{Spec.Bundle}/rootfs", OpenFlags.Path | OpenFlags.Directory).As("bundle's rootfs");
        if (_input.HasUserNamespace)
        {
            new NamespaceSteps(_builder).BecomeRoot();
        }

        return place;
    }

    private void ChangeRoot()
    {
        _builder.Fchdir(_rootfs);
        _builder.PivotRoot(".", ".");
        if (!_input.HasUserNamespace)
        {
            DetachOldRoot();
        }
    }

    /// <summary>
    /// Hooks see the node's files and the container's, as an OCI runtime has it. /proc is there already, unless it belongs to a PID
    /// namespace that others live in: this process must not join that one before its root directory is the container's.
    /// </summary>
    private void RunHooks(MountSteps mounts)
    {
        if (_input.JoinedPidNamespace is null)
        {
            mounts.Attach(proc: true);
        }

        _builder.Label("Run hooks").Stop(LaunchStops.Hooks, LaunchStops.Deadline + HookRunner.TimeOfLaunch(Spec));
    }

    // pivot_root(2), NOTES: with both arguments "." the old root lies on the new one.
    private void DetachOldRoot() => _builder.Label("Let go of the node's mounts").Umount2(".", UnmountFlags.Detach);

    /// <summary>
    /// Late, when the root directory is the container's: with CAP_SYS_PTRACE the others would reach the node through this
    /// process. A user namespace has joined it already, where no capability reaches a process that is not dumpable.
    /// </summary>
    private void EnterSharedPidNamespace()
    {
        if (_input.JoinedPidNamespace is { } joined && !_input.HasUserNamespace)
        {
            _builder.Label("Join the PID namespace").SetNs(_builder.Descriptor("PID namespace", joined), NamespaceFlags.Pid);
            _builder.Clone(NamespaceFlags.None, LaunchStops.Deadline);
        }
    }
}
