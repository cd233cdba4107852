using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Plans;

public sealed class PlanPrinterTests
{
    private static readonly PlanDescriptor s_cwd = PlanDescriptor.CurrentDirectory;

    [Fact]
    public void Print_FilesAndMounts()
    {
        var b = new PlanBuilder();
        var rootfs = b.Descriptor("rootfs", null);
        b.Label("Root filesystem");
        b.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Private);
        b.MoveMount(rootfs, s_cwd);
        b.MountSetAttr(rootfs, MountAttributes.ReadOnly | MountAttributes.NoSuid, MountAttributes.NoExec, MountFlags.Slave, recursive: true);
        var tree = b.OpenTree(rootfs, "etc/\"hosts\"", OpenTreeFlags.Clone | OpenTreeFlags.Recursive).As("hosts");
        b.MoveMount(tree, string.Empty, s_cwd, "/etc\n/é", MoveMountFlags.FromEmptyPath);
        b.Label("Mount /proc");
        var context = b.FsOpen("proc").As("proc");
        b.FsConfigString(context, "hidepid", "2");
        b.FsConfigFlag(context, "ro");
        b.FsConfigDescriptor(context, "fd", rootfs);
        b.FsConfigCreate(context);
        b.FsMount(context, MountAttributes.NoDev);
        b.Umount2(".", UnmountFlags.Detach).Accept(Errno.EINVAL, Errno.ENOENT);
        b.PivotRoot(".", ".");
        b.Label(string.Empty);
        b.OpenAt(s_cwd, "/dev", OpenFlags.Path | OpenFlags.Directory);
        b.OpenAt(s_cwd, "/f", OpenFlags.Create | OpenFlags.WriteOnly | OpenFlags.Exclusive, 0x1A4);
        b.OpenAt2(rootfs, "/f", OpenFlags.ReadWrite, ResolveFlags.InRoot | ResolveFlags.NoMagicLinks);
        b.MknodAt(s_cwd, "null", FileType.CharacterDevice, 0x1B6, 1, 3);
        b.FchownAt(rootfs, string.Empty, 5, 7);
        b.Dup3(rootfs, 2);
        b.CloseRange(3);
        b.Exit(0);
        b.SignalsDefault();
        b.Exit(1);
        using var plan = b.Build();

        Assert.Equal(
            """
            # Root filesystem
             0  mount(NULL, "/", NULL, REC|PRIVATE, NULL)
             1  move_mount(rootfs, "", AT_FDCWD, "", F_EMPTY_PATH|T_EMPTY_PATH)
             2  mount_setattr(rootfs, "", EMPTY_PATH|RECURSIVE, {set=RDONLY|NOSUID, clr=NOEXEC, propagation=SLAVE}, 32)
             3  hosts = open_tree(rootfs, "etc/\"hosts\"", CLONE|RECURSIVE|CLOEXEC)
             4  move_mount(hosts, "", AT_FDCWD, "/etc\n/\u00e9", F_EMPTY_PATH)
            # Mount /proc
             5  proc = fsopen("proc", CLOEXEC)
             6  fsconfig(proc, SET_STRING, "hidepid", "2", 0)
             7  fsconfig(proc, SET_FLAG, "ro", NULL, 0)
             8  fsconfig(proc, SET_FD, "fd", NULL, rootfs)
             9  fsconfig(proc, CMD_CREATE, NULL, NULL, 0)
            10  fsmount(proc, CLOEXEC, NODEV)
            11  umount2(".", DETACH) or EINVAL|ENOENT
            12  pivot_root(".", ".")
            # 
            13  openat(AT_FDCWD, "/dev", DIRECTORY|CLOEXEC|PATH, 0)
            14  openat(AT_FDCWD, "/f", WRONLY|CREAT|EXCL|CLOEXEC, 0644)
            15  openat2(rootfs, "/f", {RDWR|CLOEXEC, 0, NO_MAGICLINKS|IN_ROOT}, 24)
            16  mknodat(AT_FDCWD, "null", CHR|0666, 1:3)
            17  fchownat(rootfs, "", 5, 7, EMPTY_PATH)
            18  dup3(rootfs, 2, 0)
            19  close_range(3, 4294967295, CLOEXEC)
            20  exit_group(0)
            21  SIGNALS_DEFAULT
            22  exit_group(1)

            """,
            plan.ToString());
    }

    [Fact]
    public void Print_ProcessesAndSecurity()
    {
        var b = new PlanBuilder();
        b.Stop("id maps", TimeSpan.FromSeconds(2.5));
        b.Clone(NamespaceFlags.Pid | NamespaceFlags.Mount, TimeSpan.FromSeconds(1));
        b.SetNs(b.Descriptor("pid 1", null), NamespaceFlags.Pid);
        b.Unshare(NamespaceFlags.Cgroup);
        b.SetRlimit(7, 1024, ulong.MaxValue);
        b.SetRlimit(99, 0, 0);
        b.SetGroups([1, 2, 3]);
        b.SetResGid(5);
        b.KeepCapabilities();
        b.SetResUid(6);
        b.DropFromBoundingSet(CapabilitySet.NumberOf("CAP_SYS_ADMIN"));
        b.CapSet(CapabilitySet.Of("CAP_CHOWN", "CAP_KILL"), CapabilitySet.Of("CAP_KILL"), CapabilitySet.Empty);
        b.RaiseAmbient(5);
        b.ClearAmbient();
        b.NoNewPrivileges();
        b.Seccomp(new byte[16], 2);
        b.JoinSessionKeyring();
        b.SetControllingTerminal(PlanDescriptor.Number(0));
        b.Umask(0x12);
        b.SignalsDefault();
        b.Execve("/bin/sh", ["sh", "-c", "exit"], ["A=b"]).Accept(Errno.ENOENT);
        b.Pause();
        using var plan = b.Build();

        Assert.Equal(
            """
             0  STOP(2500 ms, "id maps")
             1  CLONE(NEWNS|NEWPID, 1000 ms)
             2  setns(pid 1, NEWPID)
             3  unshare(NEWCGROUP)
             4  prlimit64(0, NOFILE, {1024, INFINITY}, NULL)
             5  prlimit64(0, 99, {0, 0}, NULL)
             6  setgroups(3, [1, 2, 3])
             7  setresgid(5, 5, 5)
             8  prctl(SET_KEEPCAPS, 1, 0, 0, 0)
             9  setresuid(6, 6, 6)
            10  prctl(CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0)
            11  capset(V3, {effective=CAP_CHOWN|CAP_KILL, permitted=CAP_KILL, inheritable=0})
            12  prctl(CAP_AMBIENT, RAISE, CAP_KILL, 0, 0)
            13  prctl(CAP_AMBIENT, CLEAR_ALL, 0, 0, 0)
            14  prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            15  seccomp(SET_MODE_FILTER, LOG, {2 instructions})
            16  keyctl(JOIN_SESSION_KEYRING, NULL)
            17  ioctl(0, TIOCSCTTY, 0)
            18  umask(022)
            19  SIGNALS_DEFAULT
            20  execve("/bin/sh", ["sh", "-c", "exit"], ["A=b"]) or ENOENT
            21  PAUSE

            """,
            plan.ToString());
    }
}
