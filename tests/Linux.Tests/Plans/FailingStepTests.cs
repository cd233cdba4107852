using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Plans;

/// <summary>A plan for each kind of step, in which that step fails: the error names it, its errno and what it was about.</summary>
public sealed class FailingStepTests
{
    private static readonly PlanDescriptor s_cwd = PlanDescriptor.CurrentDirectory;
    private static readonly PlanDescriptor s_bad = PlanDescriptor.Number(999);

    /// <summary>The step that fails, with the builder's method as its name, and the end of the message.</summary>
    private static readonly (string Method, Action<PlanBuilder> Step, string Message)[] s_steps =
    [
        ("OpenAt", b => b.OpenAt(s_cwd, "/missing", OpenFlags.ReadOnly), "openat /missing: ENOENT"),
        ("OpenAt2", b => b.OpenAt2(s_cwd, "/proc/self/root", OpenFlags.Path, ResolveFlags.NoMagicLinks), "openat2 /proc/self/root: ELOOP"),
        ("Close", b => b.Close(s_bad), "close fd 999: EBADF"),
        ("Dup3", b => b.Dup3(PlanDescriptor.Number(1), 1), "dup3 fd 1: EINVAL"),
        ("Dup2", b => b.Dup2(s_bad, 1), "dup2 fd 999: EBADF"),
        ("ClearCloseOnExec", b => b.ClearCloseOnExec(s_bad), "fcntl fd 999: EBADF"),
        ("CloseRange", b => b.CloseRange(5, 4), "close_range 5, 4, CLOEXEC: EINVAL"),
        ("Write", b => b.Write(b.OpenAt(s_cwd, "/proc/sys/kernel/hostname", OpenFlags.ReadOnly).As("hostname"), "x"), "write x: EBADF"),
        ("MkdirAt", b => b.MkdirAt(s_cwd, "/proc/new", 0x1ED), "mkdirat /proc/new: ENOENT"),
        ("MknodAt", b => b.MknodAt(s_cwd, "/tmp", FileType.CharacterDevice, 0x1B6, 1, 3), "mknodat /tmp: EEXIST"),
        ("SymlinkAt", b => b.SymlinkAt("target", s_cwd, "/tmp"), "symlinkat /tmp: EEXIST"),
        ("UnlinkAt", b => b.UnlinkAt(s_cwd, "/missing"), "unlinkat /missing: ENOENT"),
        ("FchownAt", b => b.FchownAt(s_cwd, "/missing", 1, 1), "fchownat /missing: ENOENT"),
        ("Fchmod", b => b.Fchmod(b.OpenAt(s_cwd, "/", OpenFlags.Path).As("root"), 0), "fchmod root: EBADF"),
        ("Chdir", b => b.Chdir("/etc/passwd"), "chdir /etc/passwd: ENOTDIR"),
        ("Fchdir", b => b.Fchdir(PlanDescriptor.Number(1)), "fchdir fd 1: ENOTDIR"),
        ("Chroot", b => b.Chroot("/missing"), "chroot /missing: ENOENT"),
        ("FsOpen", b => b.FsOpen("nofs"), "fsopen nofs: ENODEV"),
        ("FsConfigFlag", b => b.FsConfigFlag(Tmpfs(b), "nonsense"), "fsconfig nonsense: EINVAL"),
        ("FsConfigString", b => b.FsConfigString(Tmpfs(b), "size", "many"), "fsconfig size: EINVAL"),
        ("FsConfigDescriptor", b => b.FsConfigDescriptor(Tmpfs(b), "size", PlanDescriptor.Number(1)), "fsconfig size: EINVAL"),
        ("FsConfigCreate", b => b.FsConfigCreate(PlanDescriptor.Number(1)), "fsconfig fd 1: EINVAL"),
        ("FsMount", b => b.FsMount(Tmpfs(b)), "fsmount tmpfs: EINVAL"),
        ("OpenTree", b => b.OpenTree(s_cwd, "/missing", OpenTreeFlags.Clone), "open_tree /missing: ENOENT"),
        ("MoveMount", b => b.MoveMount(Mount(b), string.Empty, s_cwd, "/missing", MoveMountFlags.FromEmptyPath), "move_mount /missing: ENOENT"),
        ("MountSetAttr", b => b.MountSetAttr(PlanDescriptor.Number(1), MountAttributes.ReadOnly), "mount_setattr fd 1: EINVAL"),
        ("Mount", b => b.Mount("none", "/tmp", "nofs", MountFlags.None), "mount /tmp: ENODEV"),
        ("Umount2", b => b.Umount2("/etc/passwd", UnmountFlags.Detach), "umount2 /etc/passwd: EINVAL"),
        ("PivotRoot", b => b.PivotRoot("/missing", "/missing"), "pivot_root /missing: ENOENT"),
        ("SetNs", b => b.SetNs(PlanDescriptor.Number(1), NamespaceFlags.Mount), "setns fd 1: EINVAL"),
        ("Unshare", b => b.Unshare((NamespaceFlags)1), "unshare 0x1: EINVAL"),
        ("SetHostname", b => b.SetHostname(new string('x', 65)), $"sethostname {new string('x', 65)}: EINVAL"),
        ("SetSid", b => SetSidTwice(b), "setsid: EPERM"),
        ("SetControllingTerminal", b => b.SetControllingTerminal(PlanDescriptor.Number(1)), "ioctl fd 1: ENOTTY"),
        ("UnlockTerminal", b => b.UnlockTerminal(PlanDescriptor.Number(1)), "ioctl fd 1: ENOTTY"),
        ("OpenTerminalPeer", b => b.OpenTerminalPeer(PlanDescriptor.Number(1)), "ioctl fd 1: ENOTTY"),
        ("InterfaceUp", b => b.InterfaceUp("none0"), "ioctl socket: ENODEV"),
        ("SetRlimit", b => b.SetRlimit(7, 2, 1), "prlimit64 NOFILE: EINVAL"),
        ("Execve", b => b.Execve("/etc/passwd", ["passwd"], []), "execve /etc/passwd: EACCES"),
        ("ExecveAt", b => b.ExecveAt(s_bad, ["x"], []), "execveat fd 999: EBADF"),
        ("SetGroups", b => b.SetGroups([.. Enumerable.Range(0, 65537).Select(g => (uint)g)]), "setgroups 65537: EINVAL"),
        ("SetResGid", b => { Nobody(b); b.SetResGid(0); }, "setresgid: EPERM"),
        ("SetResUid", b => { Nobody(b); b.SetResUid(0); }, "setresuid: EPERM"),
        ("DropFromBoundingSet", b => b.DropFromBoundingSet(63), "prctl CAPBSET_DROP, CAP_63: EINVAL"),
        ("RaiseAmbient", b => b.RaiseAmbient(CapabilitySet.NumberOf("CAP_NET_RAW")), "prctl CAP_AMBIENT, RAISE, CAP_NET_RAW: EPERM"),
        ("CapSet", b => { Nobody(b); b.CapSet(CapabilitySet.All, CapabilitySet.All, CapabilitySet.Empty); }, "capset: EPERM"),
        ("Seccomp", b => b.Seccomp(new byte[8], flags: 1 << 30), "seccomp SET_MODE_FILTER, 0x40000000: EINVAL"),
        ("Prctl", b => b.Prctl(38, 2), "prctl SET_NO_NEW_PRIVS, 2: EINVAL"),
        ("Stop", b => b.Stop("nobody says go", TimeSpan.Zero), "STOP nobody says go: ETIMEDOUT"),
        ("Clone", b => b.Clone(NamespaceFlags.User | (NamespaceFlags)0x200, TimeSpan.FromSeconds(1)), "CLONE NEWUSER|0x200: EINVAL"),
        ("Call", b => b.Call(SystemCall.getcwd, 0, 0), "getcwd: ERANGE"),
    ];

    /// <summary>Steps that no argument the builder takes can make fail, at least not for root.</summary>
    private static readonly string[] s_cannotFail =
        ["Umask", "SignalsDefault", "SignalsBlock", "Pause", "Exit", "KeepCapabilities", "JoinSessionKeyring", "NoNewPrivileges", "ClearAmbient", "SetName"];

    public static TheoryData<string> Methods => [.. s_steps.Select(s => s.Method)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Step_ThatFails_IsNamedWithErrnoAndSubject(string method)
    {
        Root.Required();
        var (_, step, message) = s_steps.Single(s => s.Method == method);
        var count = 0;

        var error = PlanRunner.Fails(
            b =>
            {
                b.Label("First");
                b.Umask(0x12);
                b.Label("Failing step");
                step(b);
                count = LastIndex(b);
            },
            NamespaceFlags.Mount,
            atStop: (_, process) => Poll.WaitReadable(process.Pidfd, PlanRunner.Deadline));

        Assert.StartsWith($"Failing step: {message}, ", error.Message);
        Assert.Equal(count, error.StepIndex);
        Assert.Equal("Failing step", error.Label);
    }

    [Fact]
    public void EveryKindOfStep_HasAFailingTest()
    {
        var methods = typeof(PlanBuilder).GetMethods().Where(m => m.ReturnType == typeof(StepReference)).Select(m => m.Name).Distinct();

        Assert.Empty(methods.Except(s_steps.Select(s => s.Method)).Except(s_cannotFail));
    }

    [Fact]
    public void AcceptedFailure_GoesOnAndSkipsWhatBuildsOnIt()
    {
        var (output, _) = PlanRunner.Run(
            b =>
            {
                var missing = b.OpenAt(s_cwd, "/missing", OpenFlags.ReadOnly).Accept(Errno.EPERM, Errno.ENOENT);

                // Both would fail the plan, with EBADF, if they were tried.
                b.Fchdir(missing);
                b.Dup3(missing, 2);
            },
            "echo went on");

        Assert.Equal("went on\n", output);
    }

    [Theory]
    [InlineData("/", "/")]
    [InlineData("/missing", "/tmp")]
    public void Unless_Step_IsTheOtherOnesSubstitute(string path, string expected)
    {
        var (output, _) = PlanRunner.Run(
            b =>
            {
                var first = b.OpenAt(s_cwd, path, OpenFlags.Path).Accept(Errno.ENOENT);
                b.Fchdir(first);
                b.Fchdir(b.OpenAt(s_cwd, "/tmp", OpenFlags.Path).Unless(first));
            },
            "pwd");

        Assert.Equal(expected, output.Trim());
    }

    [Fact]
    public void Unless_StepThatMustSucceed_IsRefused()
    {
        var builder = new PlanBuilder();
        var certain = builder.OpenAt(s_cwd, "/", OpenFlags.Path);

        Assert.Throws<ArgumentException>(() => builder.Chdir("/").Unless(certain));
    }

    [Fact]
    public void AcceptedFailure_OfAnotherErrno_EndsThePlan()
    {
        var error = PlanRunner.Fails(b => b.OpenAt(s_cwd, "/missing", OpenFlags.ReadOnly).Accept(Errno.EPERM, Errno.EACCES));

        Assert.Equal(Errno.ENOENT, error.Errno);
    }

    [Fact]
    public void Execve_AcceptedToFail_TriesTheNext()
    {
        var (output, exit) = PlanRunner.Run(b =>
        {
            b.SignalsDefault();
            b.Execve("/missing/sh", ["sh"], []).Accept(Errno.ENOENT);
            b.Execve("/bin/sh", ["sh", "-c", "echo found; exit 5"], []);
        });

        Assert.Equal(("found\n", 5), (output, exit.ExitCode));
    }

    [Fact]
    public void FailedChild_IsReaped()
    {
        using var plan = new PlanBuilder().Shell("exit").Build();
        using var failing = Failing();
        using var process = PlanLauncher.Launch(failing);

        Assert.Throws<PlanException>(() => process.Run(PlanRunner.Deadline));

        Assert.False(Processes.Kill(process.Pid, 0));
        Assert.Throws<InvalidOperationException>(() => process.Run(PlanRunner.Deadline));
    }

    private static Plan Failing()
    {
        var builder = new PlanBuilder();
        builder.Chdir("/missing");
        return builder.Shell("exit").Build();
    }

    private static StepReference Tmpfs(PlanBuilder b) => b.FsOpen("tmpfs").As("tmpfs");

    private static StepReference Mount(PlanBuilder b)
    {
        var context = Tmpfs(b);
        b.FsConfigCreate(context);
        return b.FsMount(context).As("mount");
    }

    private static void SetSidTwice(PlanBuilder b)
    {
        b.SetSid();
        b.SetSid();
    }

    private static void Nobody(PlanBuilder b)
    {
        b.SetResGid(65534);
        b.SetResUid(65534);
    }

    private static int LastIndex(PlanBuilder builder)
    {
        builder.SignalsDefault();
        builder.Exit(0);
        using var plan = builder.Build();
        return plan.Count - 3;
    }
}
