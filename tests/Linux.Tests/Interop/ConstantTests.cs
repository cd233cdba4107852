using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Crisp.Linux.Tests.Interop;

/// <summary>Every constant in the sources of src/Linux that a header knows has the header's value.</summary>
public sealed partial class ConstantTests
{
    /// <summary>By the name it has in C#; "-" for numbers that are this library's own.</summary>
    private static readonly Dictionary<string, string> s_names = Table(
        """
        ActionMask = SECCOMP_RET_ACTION_FULL
        AddressMessageSize = sizeof(struct ifaddrmsg)
        AfInet = AF_INET
        AfInet6 = AF_INET6
        AfNetlink = AF_NETLINK
        AfUnix = AF_UNIX
        AfVsock = AF_VSOCK
        Alignment = -
        Allow = SECCOMP_RET_ALLOW
        AllowMulti = BPF_F_ALLOW_MULTI
        AllSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
        And = BPF_ALU | BPF_AND | BPF_K
        AnyCid = VMADDR_CID_ANY
        ArchitectureOffset = offsetof(struct seccomp_data, arch)
        Arguments = offsetof(struct seccomp_data, args)
        ArphrdEther = ARPHRD_ETHER
        AtEmptyPath = AT_EMPTY_PATH
        AtFdcwd = AT_FDCWD
        AtRecursive = AT_RECURSIVE
        AtRemovedir = AT_REMOVEDIR
        AtSymlinkFollow = AT_SYMLINK_FOLLOW
        AtSymlinkNofollow = AT_SYMLINK_NOFOLLOW
        AttributeHeaderSize = sizeof(struct nlattr)
        AttrMountRoot = STATX_ATTR_MOUNT_ROOT
        AuditArchI386 = AUDIT_ARCH_I386
        AuditArchX86_64 = AUDIT_ARCH_X86_64
        BasicStats = STATX_BASIC_STATS
        BlkFlsBuf = BLKFLSBUF
        CallMask = -
        CapFsetid = CAP_FSETID
        Cgroup2Magic = CGROUP2_SUPER_MAGIC
        CgroupDevice = enum BPF_CGROUP_DEVICE
        Child = SIGCHLD
        CldExited = CLD_EXITED
        CloneClearSighand = CLONE_CLEAR_SIGHAND
        CloneFs = CLONE_FS
        CloneIntoCgroup = CLONE_INTO_CGROUP
        CloneParent = CLONE_PARENT
        ClonePidfd = CLONE_PIDFD
        CloseRangeCloexec = CLOSE_RANGE_CLOEXEC
        ControlCharacters = offsetof(struct termios, c_cc)
        Default = -
        DevptsMagic = DEVPTS_SUPER_MAGIC
        DtUnknown = enum DT_UNKNOWN
        EfdCloexecNonblock = EFD_CLOEXEC | EFD_NONBLOCK
        EightBits = CS8
        EpollCloexec = EPOLL_CLOEXEC
        ErrnoAction = SECCOMP_RET_ERRNO
        EveryProtocol = -
        FAddSeals = F_ADD_SEALS
        Fail = -
        FDupfdCloexec = F_DUPFD_CLOEXEC
        FGetfl = F_GETFL
        FGetSeals = F_GET_SEALS
        FilterOffset = offsetof(struct sock_fprog, filter)
        FilterTsync = SECCOMP_FILTER_FLAG_TSYNC
        Fionread = FIONREAD
        First = -
        FraPriority = enum FRA_PRIORITY
        FSetfd = F_SETFD
        FSetfl = F_SETFL
        FsmountCloexec = FSMOUNT_CLOEXEC
        FsopenCloexec = FSOPEN_CLOEXEC
        GetAddress = enum RTM_GETADDR
        GetLink = enum RTM_GETLINK
        GetNeighbour = enum RTM_GETNEIGH
        GetQuota = Q_GETQUOTA
        GetRoute = enum RTM_GETROUTE
        GetRule = enum RTM_GETRULE
        GetState = Q_XGETQSTATV
        Half = sizeof(__u32)
        Halves = _LINUX_CAPABILITY_U32S_3
        Hangup = SIGHUP
        HeaderSize = sizeof(struct cmsghdr)
        HeldLevels = -
        HostCid = VMADDR_CID_HOST
        IfaAddress = enum IFA_ADDRESS
        IfaBroadcast = enum IFA_BROADCAST
        IfaFlags = enum IFA_FLAGS
        IfaLocal = enum IFA_LOCAL
        IffLoopback = enum IFF_LOOPBACK
        IffUp = enum IFF_UP
        IflaAddress = enum IFLA_ADDRESS
        IflaAfSpec = enum IFLA_AF_SPEC
        IflaIfname = enum IFLA_IFNAME
        IflaInet6AddrGenMode = enum IFLA_INET6_ADDR_GEN_MODE
        IflaInfoKind = enum IFLA_INFO_KIND
        IflaLinkinfo = enum IFLA_LINKINFO
        IflaMtu = enum IFLA_MTU
        IflaStats64 = enum IFLA_STATS64
        IFNAMSIZ = IFNAMSIZ
        In6AddrGenModeNone = enum IN6_ADDR_GEN_MODE_NONE
        IngressHandle = TC_H_INGRESS & 0xffff0000U
        InitialSize = -
        InputTreatment = IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON
        InstructionSize = sizeof(struct sock_filter)
        Interrupt = SIGINT
        Jump = BPF_JMP | BPF_JA
        JumpEqual = BPF_JMP | BPF_JEQ | BPF_K
        JumpGreater = BPF_JMP | BPF_JGT | BPF_K
        JumpGreaterOrEqual = BPF_JMP | BPF_JGE | BPF_K
        Kill = SIGKILL
        KillProcess = SECCOMP_RET_KILL_PROCESS
        KillThread = SECCOMP_RET_KILL_THREAD
        Last = -
        LengthOffset = offsetof(struct dirent64, d_reclen)
        LinkMessageSize = sizeof(struct ifinfomsg)
        Load = BPF_LD | BPF_W | BPF_ABS
        Local = ECHO | ECHONL | ICANON | ISIG | IEXTEN
        LockEx = LOCK_EX
        LockNb = LOCK_NB
        Log = SECCOMP_RET_LOG
        Main = -
        MainTable = enum RT_TABLE_MAIN
        MapNoreserve = MAP_NORESERVE
        MapShared = MAP_SHARED
        MaxDescriptors = -
        MaxEvents = -
        MfdAllowSealing = MFD_ALLOW_SEALING
        MfdCloexec = MFD_CLOEXEC
        MfdExec = MFD_EXEC
        MfdNoexecSeal = MFD_NOEXEC_SEAL
        MinimumOfRead = VMIN
        MntId = STATX_MNT_ID
        MostAccepted = -
        MostArguments = -
        MostInstructions = BPF_MAXINSNS
        MostLinks = -
        MostOfTable = -
        MsgCmsgCloexec = MSG_CMSG_CLOEXEC
        MsgCtrunc = MSG_CTRUNC
        MsgNosignal = MSG_NOSIGNAL
        NameOffset = offsetof(struct dirent64, d_name)
        NdaDst = enum NDA_DST
        NdaLladdr = enum NDA_LLADDR
        NeighbourMessageSize = sizeof(struct ndmsg)
        NetlinkCapAck = NETLINK_CAP_ACK
        NetlinkExtAck = NETLINK_EXT_ACK
        NetlinkRoute = NETLINK_ROUTE
        NewAddress = enum RTM_NEWADDR
        NewFilter = enum RTM_NEWTFILTER
        NewLink = enum RTM_NEWLINK
        NewNeighbour = enum RTM_NEWNEIGH
        NewQdisc = enum RTM_NEWQDISC
        NewRoute = enum RTM_NEWROUTE
        NewRule = enum RTM_NEWRULE
        Next = -
        NlaFNested = NLA_F_NESTED
        NlaTypeMask = (unsigned short)NLA_TYPE_MASK
        NlmFAck = NLM_F_ACK
        NlmFAckTlvs = NLM_F_ACK_TLVS
        NlmFCreateExclusive = NLM_F_CREATE | NLM_F_EXCL
        NlmFDump = NLM_F_DUMP
        NlmFDumpIntr = NLM_F_DUMP_INTR
        NlmFRequest = NLM_F_REQUEST
        NlmsgDone = NLMSG_DONE
        NlmsgerrAttrMsg = enum NLMSGERR_ATTR_MSG
        NlmsgError = NLMSG_ERROR
        Nofile = enum RLIMIT_NOFILE
        NsfsMagic = NSFS_MAGIC
        NudPermanent = NUD_PERMANENT
        NumberOffset = offsetof(struct seccomp_data, nr)
        OffsetOffset = offsetof(struct dirent64, d_off)
        OutputTreatment = OPOST
        OverlayMagic = OVERLAYFS_SUPER_MAGIC
        Pass = -
        PathMax = PATH_MAX
        PathOffset = offsetof(struct sockaddr_un, sun_path)
        PathSize = sizeof(((struct sockaddr_un *)0)->sun_path)
        PollIn = POLLIN
        PollOut = POLLOUT
        PPid = enum P_PID
        PPidfd = enum P_PIDFD
        PrCapAmbient = PR_CAP_AMBIENT
        PrCapbsetRead = PR_CAPBSET_READ
        Priority = -
        PrivateMode = (S_IRUSR | S_IWUSR)
        ProcMagic = PROC_SUPER_MAGIC
        ProgTypeCgroupDevice = enum BPF_PROG_TYPE_CGROUP_DEVICE
        ProjectType = PRJQUOTA
        ProtRead = PROT_READ
        ProtWrite = PROT_WRITE
        PrSetChildSubreaper = PR_SET_CHILD_SUBREAPER
        PrSetDumpable = PR_SET_DUMPABLE
        PrSetName = PR_SET_NAME
        PrSetNoNewPrivs = PR_SET_NO_NEW_PRIVS
        PunchHoleKeepSize = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
        QuotaBlock = QIF_DQBLKSIZE
        Raise = PR_CAP_AMBIENT_RAISE
        RbPowerOff = RB_POWER_OFF
        RealTimeMax = SIGRTMAX
        RealTimeMin = SIGRTMIN
        Replace = BPF_F_REPLACE
        Return = BPF_RET | BPF_K
        RouteMessageSize = sizeof(struct rtmsg)
        RtaDst = enum RTA_DST
        RtaEncap = enum RTA_ENCAP
        RtaGateway = enum RTA_GATEWAY
        RtaMetrics = enum RTA_METRICS
        RtaMultipath = enum RTA_MULTIPATH
        RtaNhId = enum RTA_NH_ID
        RtaOif = enum RTA_OIF
        RtaPrefsrc = enum RTA_PREFSRC
        RtaPriority = enum RTA_PRIORITY
        RtaTable = enum RTA_TABLE
        RtaVia = enum RTA_VIA
        RtaxMtu = enum RTAX_MTU
        RtmFCloned = RTM_F_CLONED
        RtnhFOnlink = RTNH_F_ONLINK
        RwfAppend = RWF_APPEND
        ScmRights = enum SCM_RIGHTS
        SeekEnd = SEEK_END
        SetModeFilter = SECCOMP_SET_MODE_FILTER
        SetQuota = Q_SETQUOTA
        SfdCloexecNonblock = SFD_CLOEXEC | SFD_NONBLOCK
        ShutWr = enum SHUT_WR
        SigBlock = SIG_BLOCK
        SigChld = SIGCHLD
        SigUnblock = SIG_UNBLOCK
        Siocsifflags = SIOCSIFFLAGS
        Size = -
        SizeAndParity = CSIZE | PARENB
        SizeSeals = F_SEAL_SHRINK | F_SEAL_GROW
        SizeShift = _IOC_SIZESHIFT
        SockCloexec = enum SOCK_CLOEXEC
        SockDgram = enum SOCK_DGRAM
        SockNonblock = enum SOCK_NONBLOCK
        SockRaw = enum SOCK_RAW
        SockStream = SOCK_STREAM
        SoError = SO_ERROR
        SolNetlink = SOL_NETLINK
        SolSocket = SOL_SOCKET
        SoPeercred = SO_PEERCRED
        SpaceLimits = QIF_BLIMITS
        StreamCloexecNonblock = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK
        TapWithHeader = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
        TcaActKind = enum TCA_ACT_KIND
        TcaActOptions = enum TCA_ACT_OPTIONS
        TcActStolen = TC_ACT_STOLEN
        TcaEgressRedir = TCA_EGRESS_REDIR
        TcaKind = enum TCA_KIND
        TcaMatchallAct = enum TCA_MATCHALL_ACT
        TcaMirredParms = enum TCA_MIRRED_PARMS
        TcaOptions = enum TCA_OPTIONS
        TcaU32Act = enum TCA_U32_ACT
        TcaU32Sel = enum TCA_U32_SEL
        Tcgets = TCGETS
        TcHIngress = TC_H_INGRESS
        Tcsetsw = TCSETSW
        TcU32Terminal = TC_U32_TERMINAL
        TerminalOutput = SIGTTOU
        Terminate = SIGTERM
        TimeOfRead = VTIME
        Tiocgptpeer = TIOCGPTPEER
        Tiocgwinsz = TIOCGWINSZ
        Tiocsctty = TIOCSCTTY
        Tiocsptlck = TIOCSPTLCK
        Tiocswinsz = TIOCSWINSZ
        TmpfsMagic = TMPFS_MAGIC
        TraceAction = SECCOMP_RET_TRACE
        TrafficMessageSize = sizeof(struct tcmsg)
        Trap = SECCOMP_RET_TRAP
        Tries = -
        TunSetIff = TUNSETIFF
        TunSetOffload = TUNSETOFFLOAD
        TunSetVnetHdrSz = TUNSETVNETHDRSZ
        TypeBits = SUBCMDSHIFT
        TypeOffset = offsetof(struct dirent64, d_type)
        User1 = SIGUSR1
        User2 = SIGUSR2
        UsualSize = -
        UsualSteps = -
        Version1 = FS_QSTATV_VERSION1
        Version3 = _LINUX_CAPABILITY_VERSION_3
        VsockAddressSize = sizeof(struct sockaddr_vm)
        VsockCidOffset = offsetof(struct sockaddr_vm, svm_cid)
        VsockPortOffset = offsetof(struct sockaddr_vm, svm_port)
        WExited = WEXITED
        WNoHang = WNOHANG
        WNoWait = WNOWAIT
        X32Bit = __X32_SYSCALL_BIT
        XflagProjinherit = FS_XFLAG_PROJINHERIT
        """);

    /// <summary>The arrays of SymbolTable.cs: the prefix that the kernel's names have before those in the array.</summary>
    private static readonly Dictionary<string, string> s_prefixes = Table(
        """
        s_open = O_
        s_resolve = RESOLVE_
        s_at = AT_
        s_mountAttributes = MOUNT_ATTR_
        s_openTree = OPEN_TREE_
        s_moveMount = MOVE_MOUNT_
        s_mount = MS_
        s_namespaces = CLONE_
        UnmountFlags = MNT_
        FsMountFlags = FSMOUNT_
        CloseRangeFlags = CLOSE_RANGE_
        SeccompFlags = SECCOMP_FILTER_FLAG_
        FsConfigCommand = enum FSCONFIG_
        Prctl = PR_
        CapabilityAmbient = PR_CAP_AMBIENT_
        SeccompOperation = SECCOMP_
        Keyctl = KEYCTL_
        SignalMaskOperation = SIG_
        Ioctl =
        FileMode = S_IF
        """);

    /// <summary>Names whose family the kernel did not keep to.</summary>
    private static readonly Dictionary<string, string> s_strays = Table(
        """
        OPEN_TREE_SYMLINK_NOFOLLOW = AT_SYMLINK_NOFOLLOW
        OPEN_TREE_EMPTY_PATH = AT_EMPTY_PATH
        OPEN_TREE_RECURSIVE = AT_RECURSIVE
        MNT_NOFOLLOW = UMOUNT_NOFOLLOW
        S_IFFIFO = S_IFIFO
        """);

    [Fact]
    public void EveryConstant_IsThatOfTheHeaders()
    {
        var constants = Sources.Names.Where(n => n.EndsWith(".cs", StringComparison.Ordinal)).SelectMany(n => Constant().Matches(Sources.Read(n)).Select(m => (File: n, Match: m)))
            .Select(c => (c.File, Name: c.Match.Groups["name"].Value, Value: Number(c.Match.Groups["value"].Value))).ToList();
        Assert.Empty(constants.Select(c => c.Name).Except(s_names.Keys));
        Assert.Empty(s_names.Keys.Except(constants.Select(c => c.Name)));

        var c = Headers.Values(s_names.Values.Where(n => n != "-"));

        var wrong = from constant in constants
                    let name = s_names[constant.Name]
                    where name != "-" && c.TryGetValue(name, out var value) && (ulong)value != (ulong)constant.Value
                    select $"{constant.File}: {constant.Name} is {constant.Value}, {name} is {c[name]}";
        Assert.Empty(wrong);
    }

    [Fact]
    public void EverySymbolOfThePrinter_IsThatOfTheHeaders()
    {
        var symbols = SymbolsOfThePrinter().ToList();
        Assert.Superset(new HashSet<string>(s_prefixes.Values), new HashSet<string>(symbols.Select(s => s.Prefix)));

        var c = Headers.Values(symbols.Select(s => s.Name));

        Assert.Empty(symbols.Where(s => c[s.Name] != s.Value).Select(s => $"{s.Name} is {c[s.Name]}, not {s.Value}"));
    }

    [Fact]
    public void Rlimits_AreNamedInTheirOrder()
    {
        var names = RlimitNames().Match(Sources.Read("src/Processes/ResourceLimits.cs")).Groups["names"].Value;
        var limits = Quoted().Matches(names).Select(m => m.Groups["name"].Value).ToList();

        var c = Headers.Values(limits.Select(n => $"enum {n}"));

        Assert.Equal(Enumerable.Range(0, 16), limits.Select(n => (int)c[$"enum {n}"]));
    }

    private static IEnumerable<(string Prefix, string Name, long Value)> SymbolsOfThePrinter()
    {
        var array = string.Empty;
        foreach (var line in Sources.Read("src/Plans/SymbolTable.cs").Split('\n'))
        {
            array = ArrayName().Match(line) is { Success: true } start ? start.Groups["name"].Value : array;
            foreach (Match symbol in Symbol().Matches(line))
            {
                var name = s_prefixes[array] + symbol.Groups["name"].Value;
                yield return (s_prefixes[array], s_strays.GetValueOrDefault(name, name), Number(symbol.Groups["value"].Value));
            }
        }
    }

    /// <summary>Lines such as <c>AfUnix = AF_UNIX</c>.</summary>
    private static Dictionary<string, string> Table(string lines)
        => lines.Split('\n').Select(l => l.Split('=', 2, StringSplitOptions.TrimEntries)).ToDictionary(l => l[0], l => l[1]);

    private static long Number(string text)
    {
        text = text.Replace("_", string.Empty);
        return text.StartsWith("0x", StringComparison.Ordinal)
            ? long.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : long.Parse(text, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"const (?!string)\w+ (?<name>\w+) = (?<value>-?[0-9A-Fa-fx_]+);")]
    private static partial Regex Constant();

    [GeneratedRegex(@"(readonly \(long, string\)\[\] |ArgumentFormat\.|string )(?<name>s_\w+|\w+(?= =>|\(long mode))")]
    private static partial Regex ArrayName();

    [GeneratedRegex("""\((?<value>[0-9A-Fa-fx]+), "(?<name>\w+)"\)""")]
    private static partial Regex Symbol();

    [GeneratedRegex(@"s_names =\s*\[(?<names>[^\]]*)\]")]
    private static partial Regex RlimitNames();

    [GeneratedRegex("\"(?<name>\\w+)\"")]
    private static partial Regex Quoted();
}
