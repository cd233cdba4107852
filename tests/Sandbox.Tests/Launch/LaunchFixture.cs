using System.Diagnostics;
using System.Text;
using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>
/// A launcher of this test, a root filesystem with a static busybox in it, and a cgroup. All that was started ends with it, and
/// what it cannot take away fails the test.
/// </summary>
internal sealed class LaunchFixture : IDisposable
{
    internal static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly CgroupPath _path = CgroupPath.Parse($"crisp-test-{Guid.NewGuid():n}");
    private readonly TemporaryDirectory _directory = new();
    private readonly List<PodNamespaces> _pods = [];
    private readonly List<(int Pid, FileDescriptor Pidfd)> _running = [];
    private int _cgroups;

    internal LaunchFixture(bool passwd = true)
    {
        Assert.SkipUnless(Linux.Processes.EffectiveUid == 0, "needs root");
        Assert.SkipUnless(File.Exists("/usr/bin/busybox"), "busybox-static is not installed");
        Manager = CgroupManager.Detect();
        Launcher = new ProcessLauncher(Manager.Facts);
        Directory.CreateDirectory(Root("bin"));
        Directory.CreateDirectory(Root("etc"));
        Directory.CreateDirectory(Root("tmp"));
        File.Copy("/usr/bin/busybox", Root("bin/busybox"));
        foreach (var name in Applets())
        {
            File.CreateSymbolicLink(Root($"bin/{name}"), "busybox");
        }

        if (passwd)
        {
            File.WriteAllText(Root("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n");
            File.WriteAllText(Root("etc/group"), "root:x:0:\napp:x:1001:\naudio:x:29:app\n");
        }
    }

    internal ProcessLauncher Launcher { get; }

    internal ICgroupManager Manager { get; }

    /// <summary>A file of the root filesystem, as the node names it.</summary>
    internal string Root(string path) => Path.Combine(_directory.Path, "root", path);

    /// <summary>A file outside it.</summary>
    internal string Outside(string path)
    {
        var full = Path.Combine(_directory.Path, "outside", path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        return full;
    }

    /// <summary>A pod, whose namespaces end with the test.</summary>
    internal PodNamespaces Pod(SandboxSpec? spec = null)
    {
        var pod = Launcher.CreateNamespaces(spec ?? Specs.Pod);
        _pods.Add(pod);
        return pod;
    }

    /// <summary>Starts a container, with standard output and error in one pipe.</summary>
    internal Running Start(ContainerSpec spec, PodNamespaces? pod = null, FileDescriptor? target = null, bool giveUp = false)
    {
        pod ??= Pod();
        var cgroup = Manager.Create(_path.Child($"container{_cgroups++}"));
        var user = UserOf(spec);
        using var rootfs = OpenRoot(pod);
        var mounts = spec.Mounts.Select(m => m.Source is BindSource bind ? OpenBind(bind, m) : null).ToList();
        var (read, write) = Pipes.Create();
        try
        {
            using (write)
            {
                var started = Launcher.Launch(new ContainerLaunch(
                    spec, user, rootfs, mounts, pod, target, cgroup, new StandardStreams(null, write, write)));
                Add(started);
                return new Running(started, read, cgroup, pod);
            }
        }
        catch
        {
            read.Dispose();
            throw;
        }
        finally
        {
            mounts.ForEach(m => m?.Dispose());
        }
    }

    /// <summary>Starts a process in a running container, with standard output and error in one pipe.</summary>
    internal Running Exec(Running container, ProcessSpec process, FileDescriptor? stdin = null)
    {
        using var rootfs = Files.Open(Root(""), OpenFlags.Path | OpenFlags.Directory);
        var (read, write) = Pipes.Create();
        try
        {
            using (write)
            {
                var started = Launcher.Launch(new ExecLaunch(
                    process,
                    UserResolver.Resolve(rootfs, process.User),
                    container.Process.Pidfd,
                    container.Pod,
                    container.Cgroup,
                    new StandardStreams(stdin, write, write)));
                Add(started);
                return new Running(started, read, container.Cgroup, container.Pod);
            }
        }
        catch
        {
            read.Dispose();
            throw;
        }
    }

    /// <summary>Runs a container to its end.</summary>
    /// <returns>What it wrote.</returns>
    internal string Run(ContainerSpec spec, PodNamespaces? pod = null, FileDescriptor? target = null)
    {
        using var running = Start(spec, pod, target);
        return running.ReadToEnd();
    }

    public void Dispose()
    {
        _running.RemoveAll(r => r.Pidfd.IsClosed);
        _running.ForEach(r => Linux.Processes.PidfdSendSignal(r.Pidfd, 9));

        // A PID 1 does not end before all in its namespace are reaped, and execs are this process's children.
        for (var i = _running.Count - 1; i >= 0; i--)
        {
            Linux.Processes.TryWaitPidfd(_running[i].Pidfd);
            _running[i].Pidfd.Dispose();
        }

        foreach (var pod in _pods)
        {
            if (pod.ReaperPid != 0)
            {
                Linux.Processes.Kill(pod.ReaperPid, 9);
                Linux.Processes.WaitPid(pod.ReaperPid);
            }

            pod.Dispose();
        }

        Launcher.Dispose();
        Manager.Open(_path).Kill(Deadline);
        Manager.Open(_path).Remove(Deadline);
        _directory.Dispose();
    }

    private void Add(LaunchedProcess started)
    {
        lock (_running)
        {
            _running.Add((started.Pid, started.Pidfd));
        }
    }

    private static string[] Applets()
    {
        using var busybox = Process.Start(new ProcessStartInfo("/usr/bin/busybox", "--list") { RedirectStandardOutput = true })!;
        var names = busybox.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        busybox.WaitForExit();
        return [.. names.Where(n => n != "busybox")];
    }

    private ResolvedUser UserOf(ContainerSpec spec)
    {
        using var root = Files.Open(Root(""), OpenFlags.Path | OpenFlags.Directory);
        return UserResolver.Resolve(root, spec.Process.User);
    }

    /// <summary>As the daemon's: a detached mount, with the pod's ids where it has a user namespace.</summary>
    private FileDescriptor OpenRoot(PodNamespaces pod)
    {
        var root = Mounts.OpenTree(FileDescriptor.CurrentDirectory, Root(""), OpenTreeFlags.Clone);
        Mounts.MountSetAttr(root, MountAttributes.None, propagation: MountFlags.Shared);
        if (pod.User is { } user)
        {
            Mounts.MountSetAttr(root, MountAttributes.IdMap, userNamespace: user);
        }

        return root;
    }

    private static FileDescriptor OpenBind(BindSource source, MountSpec mount)
    {
        var tree = Mounts.OpenTree(FileDescriptor.CurrentDirectory, source.Path, OpenTreeFlags.Clone | OpenTreeFlags.Recursive);
        Mounts.MountSetAttr(tree, MountAttributes.None, propagation: MountFlags.Private, recursive: true);
        if (mount.Readonly)
        {
            Mounts.MountSetAttr(tree, MountAttributes.ReadOnly);
        }

        return tree;
    }
}

/// <summary>A started process and the end of its pipe.</summary>
internal sealed record Running(LaunchedProcess Process, FileDescriptor Output, ICgroup Cgroup, PodNamespaces Pod) : IDisposable
{
    internal int Pid => Process.Pid;

    /// <summary>Until it ends.</summary>
    internal string ReadToEnd()
    {
        var text = Encoding.UTF8.GetString(Files.ReadToEnd(Output, 1 << 20));
        Exit = Linux.Processes.WaitPidfd(Process.Pidfd);
        return text;
    }

    /// <summary>Its first line.</summary>
    internal string ReadLine()
    {
        var line = new List<byte>();
        Span<byte> one = stackalloc byte[1];
        while (Poll.WaitReadable(Output, LaunchFixture.Deadline) && Files.Read(Output, one) == 1 && one[0] != '\n')
        {
            line.Add(one[0]);
        }

        return Encoding.UTF8.GetString([.. line]);
    }

    internal ProcessExit Exit { get; private set; }

    public void Dispose()
    {
        Output.Dispose();
        Process.Terminal?.Dispose();
    }
}
