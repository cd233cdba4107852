using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Hooks;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Makes pods' namespaces and starts their processes. Any threads may call, at the same time too.</summary>
/// <remarks>
/// Every method throws <see cref="SandboxException"/>: NotFound, PermissionDenied or FailedPrecondition when the program
/// cannot be executed, InvalidArgument when the specification contradicts itself, Internal when the kernel refuses a step.
/// No thread of this process ever enters a namespace: children do, and where they must fork again to be in a PID namespace,
/// the second one is a child of this process too. Children that fail, and intermediate ones, are reaped here or by a thread
/// that waits for any child, whoever is faster.
/// </remarks>
public sealed partial class ProcessLauncher : IDisposable
{
    private readonly LaunchFacts _facts;
    private readonly FileDescriptor _procfs;
    private readonly FileDescriptor _nothing;
    private readonly HookRunner _hooks;

    /// <param name="cgroups">What /sys/fs/cgroup looks like in containers.</param>
    /// <exception cref="LinuxException">This process may not mount, or /dev/null is not the null device.</exception>
    public ProcessLauncher(CgroupFacts cgroups)
    {
        _facts = LaunchFacts.From(cgroups);
        _nothing = OpenNothing();
        _procfs = MakeFilesystem("proc", MountAttributes.NoSuid | MountAttributes.NoDev | MountAttributes.NoExec);
        _hooks = new HookRunner(_facts, _procfs, _nothing);
    }

    /// <summary>Starts a container. On return its program runs (execve has succeeded).</summary>
    public LaunchedProcess Launch(ContainerLaunch launch)
    {
        var made = new List<FileDescriptor>();
        try
        {
            var input = new ContainerInput(_facts, _procfs).Prepare(launch, made);
            using var directory = launch.Cgroup.OpenDirectory();
            using var plan = ContainerPlan.Compile(input);
            return Run(plan, input.LaunchNamespaces, directory, launch.Cgroup, launch.Spec);
        }
        catch (PlanException e) when (e.Call == nameof(SystemCall.execve))
        {
            throw LaunchErrors.DescribeProgram(e, launch.Spec.Process, launch.Rootfs);
        }
        catch (Exception e) when (LaunchErrors.IsExpected(e))
        {
            throw LaunchErrors.Describe(e, $"The container {launch.Spec.Id} could not be started");
        }
        finally
        {
            made.ForEach(m => m.Dispose());
        }
    }

    /// <summary>Starts a process in a running container. On return its program runs (execve has succeeded).</summary>
    public LaunchedProcess Launch(ExecLaunch launch)
    {
        try
        {
            ContainerInput.CheckMapped(launch.User, launch.Namespaces);
            using var directory = launch.Cgroup.OpenDirectory();
            using var plan = ExecPlan.Compile(new ExecPlanInput
            {
                Process = launch.Process,
                User = launch.User,
                Facts = _facts,
                Namespaces = launch.Namespaces,
                Procfs = _procfs,
                Nothing = _nothing,
                Container = launch.ContainerPidfd,
                CgroupDirectory = directory,
                Streams = launch.Streams,
            });

            // The second child is born in the cgroup, the first one never is: a container at its limit of processes counts one.
            return Run(plan, NamespaceFlags.None, null, launch.Cgroup);
        }
        catch (PlanException e) when (e.Call == nameof(SystemCall.execve))
        {
            using var root = TryOpenRoot(launch.ContainerPidfd);
            throw LaunchErrors.DescribeProgram(e, launch.Process, root);
        }
        catch (Exception e) when (LaunchErrors.IsExpected(e))
        {
            throw LaunchErrors.Describe(e, $"exec \"{(launch.Process.Args.Count > 0 ? launch.Process.Args[0] : "")}\" could not be started");
        }
    }

    /// <summary>Runs the hooks of a phase that is not within a launch: poststart and poststop.</summary>
    /// <param name="pid">Of the container's first process; 0 when it has ended.</param>
    /// <param name="process">Its pidfd, with whose end the hooks end; null when it has ended.</param>
    public void RunHooks(ContainerSpec spec, HookPhase phase, int pid, FileDescriptor? process) => _hooks.Run(spec, phase, pid, process);

    public void Dispose()
    {
        _procfs.Dispose();
        _nothing.Dispose();
    }

    internal static FileDescriptor MakeFilesystem(string type, MountAttributes attributes)
    {
        using var context = Mounts.FsOpen(type);
        Mounts.FsConfigString(context, "source", type);
        Mounts.FsConfigCreate(context);
        return Mounts.FsMount(context, attributes);
    }

    private LaunchedProcess Run(
        Plan plan, NamespaceFlags namespaces, FileDescriptor? cgroupDirectory, ICgroup cgroup, ContainerSpec? container = null)
    {
        FileDescriptor? terminal = null;
        try
        {
            using var process = PlanLauncher.Launch(plan, namespaces, cgroupDirectory);
            while (process.Run(LaunchStops.Deadline) is { } stop)
            {
                switch (stop)
                {
                    case LaunchStops.Cgroup:
                        cgroup.AddProcess(process.Pid);
                        break;
                    case LaunchStops.Hooks:
                        _hooks.RunWithin(process, container!, cgroup);
                        break;
                    case LaunchStops.Terminal:
                        terminal = TakeTerminal(process);
                        break;
                }
            }

            return new LaunchedProcess(process.Pid, process.Pidfd.Duplicate(), terminal);
        }
        catch
        {
            terminal?.Dispose();
            throw;
        }
    }

    /// <summary>In a running container /dev/pts/ptmx may be anything: what is not a pseudoterminal of devpts is refused.</summary>
    private static FileDescriptor TakeTerminal(PlanProcess process)
    {
        const int Ptmx = 5;
        var master = Linux.Processes.PidfdGetfd(process.Pidfd, 0);
        if (Files.Status(master) is { Type: FileType.CharacterDevice, DeviceMajor: Ptmx, DeviceMinor: 2 }
            && Files.Statfs(master).Type == FilesystemStatus.DevptsMagic)
        {
            return master;
        }

        master.Dispose();
        throw new SandboxException(RpcCode.FailedPrecondition, "The container's /dev/pts/ptmx is no pseudoterminal multiplexer of its own devpts.");
    }

    private static FileDescriptor OpenNothing()
    {
        var nothing = Files.Open("/dev/null", OpenFlags.ReadWrite);
        if (Files.Status(nothing) is { Type: FileType.CharacterDevice, DeviceMajor: 1, DeviceMinor: 3 })
        {
            return nothing;
        }

        nothing.Dispose();
        throw new LinuxException("open", Errno.ENODEV, "/dev/null");
    }

    private FileDescriptor? TryOpenRoot(FileDescriptor pidfd)
    {
        try
        {
            return Linux.Processes.PidOf(pidfd) is { } pid ? Files.OpenAt(_procfs, $"{pid}/root", OpenFlags.Path | OpenFlags.Directory) : null;
        }
        catch (LinuxException)
        {
            // The container has just ended: then nobody can say more of its program.
            return null;
        }
    }
}
