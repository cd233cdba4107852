using Xunit;

namespace Crisp.Linux.Tests.Interop;

/// <summary>Every member of the public enumerations has the value of the header's name.</summary>
public sealed class EnumTests
{
    /// <summary>For each enumeration "MEMBER=NAME" or, where the name is the member's, its prefix alone.</summary>
    private static readonly Dictionary<Type, string> s_names = new()
    {
        [typeof(SystemCall)] = "__NR_",
        [typeof(Errno)] = "None=0 ",
        [typeof(OpenFlags)] = """
            ReadOnly=O_RDONLY WriteOnly=O_WRONLY ReadWrite=O_RDWR Create=O_CREAT Exclusive=O_EXCL NoTerminal=O_NOCTTY Truncate=O_TRUNC
            Append=O_APPEND NonBlocking=O_NONBLOCK Directory=O_DIRECTORY NoFollow=O_NOFOLLOW CloseOnExec=O_CLOEXEC Path=O_PATH
            Temporary=O_TMPFILE
            """,
        [typeof(ResolveFlags)] = """
            None=0 NoCrossDevice=RESOLVE_NO_XDEV NoMagicLinks=RESOLVE_NO_MAGICLINKS NoSymlinks=RESOLVE_NO_SYMLINKS
            Beneath=RESOLVE_BENEATH InRoot=RESOLVE_IN_ROOT
            """,
        [typeof(MountAttributes)] = """
            None=0 ReadOnly=MOUNT_ATTR_RDONLY NoSuid=MOUNT_ATTR_NOSUID NoDev=MOUNT_ATTR_NODEV NoExec=MOUNT_ATTR_NOEXEC
            NoAccessTime=MOUNT_ATTR_NOATIME StrictAccessTime=MOUNT_ATTR_STRICTATIME NoDirectoryAccessTime=MOUNT_ATTR_NODIRATIME
            IdMap=MOUNT_ATTR_IDMAP NoSymlinkFollow=MOUNT_ATTR_NOSYMFOLLOW
            """,
        [typeof(MountFlags)] = """
            None=0 ReadOnly=MS_RDONLY NoSuid=MS_NOSUID NoDev=MS_NODEV NoExec=MS_NOEXEC Remount=MS_REMOUNT Bind=MS_BIND Move=MS_MOVE
            Recursive=MS_REC Silent=MS_SILENT Unbindable=MS_UNBINDABLE Private=MS_PRIVATE Slave=MS_SLAVE Shared=MS_SHARED
            """,
        [typeof(OpenTreeFlags)] = """
            None=0 Clone=OPEN_TREE_CLONE NoFollow=AT_SYMLINK_NOFOLLOW EmptyPath=AT_EMPTY_PATH Recursive=AT_RECURSIVE
            CloseOnExec=OPEN_TREE_CLOEXEC
            """,
        [typeof(MoveMountFlags)] = """
            None=0 FromSymlinks=MOVE_MOUNT_F_SYMLINKS FromEmptyPath=MOVE_MOUNT_F_EMPTY_PATH ToSymlinks=MOVE_MOUNT_T_SYMLINKS
            ToEmptyPath=MOVE_MOUNT_T_EMPTY_PATH
            """,
        [typeof(UnmountFlags)] = "None=0 Force=MNT_FORCE Detach=MNT_DETACH NoFollow=UMOUNT_NOFOLLOW",
        [typeof(FsConfigCommand)] = """
            SetFlag=FSCONFIG_SET_FLAG SetString=FSCONFIG_SET_STRING SetPath=FSCONFIG_SET_PATH SetDescriptor=FSCONFIG_SET_FD
            Create=FSCONFIG_CMD_CREATE Reconfigure=FSCONFIG_CMD_RECONFIGURE
            """,
        [typeof(NamespaceFlags)] = """
            None=0 Mount=CLONE_NEWNS Cgroup=CLONE_NEWCGROUP Uts=CLONE_NEWUTS Ipc=CLONE_NEWIPC User=CLONE_NEWUSER Pid=CLONE_NEWPID
            Network=CLONE_NEWNET
            """,
        [typeof(FileType)] = """
            Fifo=S_IFIFO CharacterDevice=S_IFCHR Directory=S_IFDIR BlockDevice=S_IFBLK Regular=S_IFREG Symlink=S_IFLNK Socket=S_IFSOCK
            """,
        [typeof(RenameFlags)] = "None=0 NoReplace=RENAME_NOREPLACE Exchange=RENAME_EXCHANGE Whiteout=RENAME_WHITEOUT",
        [typeof(TapOffloads)] = "None=0 Checksum=TUN_F_CSUM Segmentation4=TUN_F_TSO4 Segmentation6=TUN_F_TSO6",
        [typeof(AddressFlags)] = """
            None=0 Secondary=IFA_F_SECONDARY NoDuplicateDetection=IFA_F_NODAD DuplicateFound=IFA_F_DADFAILED Tentative=IFA_F_TENTATIVE
            Permanent=IFA_F_PERMANENT NoPrefixRoute=IFA_F_NOPREFIXROUTE
            """,
        [typeof(RouteScope)] = """
            Universe=RT_SCOPE_UNIVERSE Site=RT_SCOPE_SITE Link=RT_SCOPE_LINK Host=RT_SCOPE_HOST Nowhere=RT_SCOPE_NOWHERE
            """,
        [typeof(ProjectQuotaState)] = "Off=0 Accounting=FS_QUOTA_PDQ_ACCT Enforced=FS_QUOTA_PDQ_ENFD",
        [typeof(RouteType)] = """
            Unicast=RTN_UNICAST Local=RTN_LOCAL Broadcast=RTN_BROADCAST Anycast=RTN_ANYCAST Multicast=RTN_MULTICAST
            Blackhole=RTN_BLACKHOLE Unreachable=RTN_UNREACHABLE Prohibit=RTN_PROHIBIT
            """,
        [typeof(EpollEvents)] = """
            None=0 In=EPOLLIN Priority=EPOLLPRI Out=EPOLLOUT Error=EPOLLERR HangUp=EPOLLHUP PeerHangUp=EPOLLRDHUP OneShot=EPOLLONESHOT
            EdgeTriggered=EPOLLET
            """,
    };

    /// <summary>Families that the headers have as enumerators, which no preprocessor sees.</summary>
    private static readonly string[] s_enumerators = ["FSCONFIG_", "RT_SCOPE_", "RTN_"];

    public static TheoryData<string> Enumerations => [.. s_names.Keys.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Enumerations))]
    public void Enumeration_HasTheValuesOfTheHeader(string enumeration)
    {
        var type = s_names.Keys.Single(t => t.Name == enumeration);
        var names = Enum.GetNames(type).ToDictionary(member => member, member => CName(type, member));

        var c = Headers.Values(names.Values);

        Assert.Equal(
            names.Select(n => $"{n.Key} {c[n.Value]}"),
            names.Select(n => $"{n.Key} {Convert.ToInt64(Enum.Parse(type, n.Key))}"));
    }

    [Fact]
    public void EveryPublicEnumerationOfTheKernel_IsCompared()
    {
        // Seccomp's are words of profiles: the compiler turns them into the numbers that ConstantTests compare.
        var own = typeof(Files).Assembly.GetTypes().Where(t => t.IsEnum && t.IsPublic && t.Namespace != "Crisp.Linux.Seccomp");

        Assert.Empty(own.Except(s_names.Keys).Select(t => t.Name));
    }

    [Fact]
    public void Capabilities_HaveTheNumbersOfTheHeader()
    {
        var names = CapabilitySet.All.Numbers.Select(CapabilitySet.NameOf).ToList();

        var c = Headers.Values([.. names, "CAP_LAST_CAP"]);

        Assert.Equal(names.Select(n => (int)c[n]), CapabilitySet.All.Numbers);
        Assert.InRange(c["CAP_LAST_CAP"], names.Count - 1, 63);
    }

    private static string CName(Type type, string member)
    {
        var words = s_names[type].Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        var name = words.FirstOrDefault(w => w.StartsWith(member + "=", StringComparison.Ordinal))?[(member.Length + 1)..];
        name ??= (words.FirstOrDefault(w => !w.Contains('=')) ?? string.Empty) + member;
        return s_enumerators.Any(p => name.StartsWith(p, StringComparison.Ordinal)) ? $"enum {name}" : name;
    }
}
