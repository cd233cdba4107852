using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Crisp.Linux.Interop;
using Xunit;

namespace Crisp.Linux.Tests.Interop;

/// <summary>Every structure that is passed to the kernel or to libc has C's size, offsets and widths.</summary>
public sealed class StructTests
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Structure, header, C's name, and members whose name differs. An empty name is padding of C's own.</summary>
    private static readonly Dictionary<Type, (string Header, string Name, Dictionary<string, string> Members)> s_structs = new()
    {
        [typeof(clone_args)] = ("linux/sched.h", "struct clone_args", []),
        [typeof(open_how)] = ("linux/openat2.h", "struct open_how", []),
        [typeof(mount_attr)] = ("linux/mount.h", "struct mount_attr", []),
        [typeof(statx)] = ("linux/stat.h", "struct statx", new() { ["__spare0"] = "__spare0[0]" }),
        [typeof(statx_timestamp)] = ("linux/stat.h", "struct statx_timestamp", []),
        [typeof(statfs)] = ("sys/statfs.h", "struct statfs", []),
        [typeof(fsxattr)] = ("linux/fs.h", "struct fsxattr", []),
        [typeof(if_dqblk)] = ("linux/quota.h", "struct if_dqblk", []),
        [typeof(fs_quota_statv)] = ("linux/dqblk_xfs.h", "struct fs_quota_statv", []),
        [typeof(rlimit)] = ("sys/resource.h", "struct rlimit", []),
        [typeof(siginfo_wait)] = ("signal.h", "siginfo_t", new() { ["__pad0"] = "" }),
        [typeof(__user_cap_header_struct)] = ("linux/capability.h", "struct __user_cap_header_struct", []),
        [typeof(__user_cap_data_struct)] = ("linux/capability.h", "struct __user_cap_data_struct", []),
        [typeof(ifreq)] = ("net/if.h", "struct ifreq", []),
        [typeof(sock_fprog)] = ("linux/filter.h", "struct sock_fprog", []),
        [typeof(Crisp.Linux.Seccomp.SeccompInstruction)] = ("linux/filter.h", "struct sock_filter", new()
        {
            ["Code"] = "code",
            ["JumpTrue"] = "jt",
            ["JumpFalse"] = "jf",
            ["Constant"] = "k",
        }),
        [typeof(BpfInstruction)] = ("linux/bpf.h", "struct bpf_insn", new()
        {
            ["Code"] = "code",
            ["Registers"] = "",
            ["Offset"] = "off",
            ["Immediate"] = "imm",
        }),
        [typeof(Tmds.Linux.epoll_event)] = ("sys/epoll.h", "struct epoll_event", []),
        [typeof(Tmds.Linux.msghdr)] = ("sys/socket.h", "struct msghdr", new()
        {
            ["_msg_iovlen"] = "msg_iovlen",
            ["_msg_controllen"] = "msg_controllen",
        }),
        [typeof(Tmds.Linux.iovec)] = ("sys/uio.h", "struct iovec", []),
        [typeof(Tmds.Linux.sockaddr_un)] = ("sys/un.h", "struct sockaddr_un", []),
        [typeof(Tmds.Linux.ucred)] = ("sys/socket.h", "struct ucred", []),
        [typeof(Tmds.Linux.winsize)] = ("sys/ioctl.h", "struct winsize", []),
        [typeof(Tmds.Linux.timespec)] = ("time.h", "struct timespec", []),
        [typeof(Tmds.Linux.pollfd)] = ("poll.h", "struct pollfd", []),
        [typeof(Tmds.Linux.sigset_t)] = ("signal.h", "sigset_t", new() { ["__align"] = "", ["__data"] = "" }),
    };

    /// <summary>Members of union bpf_attr start at its beginning, and the kernel takes any shorter size.</summary>
    private static readonly Dictionary<Type, Dictionary<string, string>> s_bpfAttr = new()
    {
        [typeof(bpf_attr_prog_load)] = [],
        [typeof(bpf_attr_prog_attach)] = [],
        [typeof(bpf_attr_get_fd_by_id)] = [],
        [typeof(bpf_attr_prog_query)] = new()
        {
            ["target_fd"] = "query.target_fd",
            ["attach_type"] = "query.attach_type",
            ["query_flags"] = "query.query_flags",
            ["attach_flags"] = "query.attach_flags",
            ["prog_ids"] = "query.prog_ids",
            ["prog_cnt"] = "query.prog_cnt",
            ["__pad0"] = "",
        },
    };

    public static TheoryData<string> Structs => [.. s_structs.Keys.Select(t => t.Name)];

    public static TheoryData<string> BpfMembers => [.. s_bpfAttr.Keys.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Structs))]
    public void Struct_HasTheSizeAndMembersOfTheHeader(string structure)
    {
        var type = s_structs.Keys.Single(t => t.Name == structure);
        var (header, name, members) = s_structs[type];

        var c = CProgram.Evaluate([header], [.. MemberExpressions(type, name, members), $"sizeof({name})"]);

        Assert.Equal(c[$"sizeof({name})"], SizeOf(type));
        Compare(type, name, members, c);
    }

    [Theory]
    [MemberData(nameof(BpfMembers))]
    public void BpfAttribute_HasTheMembersOfTheHeader(string structure)
    {
        var type = s_bpfAttr.Keys.Single(t => t.Name == structure);

        var c = CProgram.Evaluate(["linux/bpf.h"], [.. MemberExpressions(type, "union bpf_attr", s_bpfAttr[type]), "sizeof(union bpf_attr)"]);

        Assert.InRange(SizeOf(type), 0, c["sizeof(union bpf_attr)"]);
        Compare(type, "union bpf_attr", s_bpfAttr[type], c);
    }

    [Theory]
    [InlineData(typeof(step), "struct step")]
    [InlineData(typeof(launch), "struct launch")]
    public void InterpreterStruct_IsThatOfItsSource(Type type, string name)
    {
        using var temporary = new TemporaryDirectory();
        var source = temporary.File("plan.h");
        File.WriteAllText(source, Sources.Read("src/plan.c"));

        var c = CProgram.Evaluate(["stddef.h", source], [.. MemberExpressions(type, name, []), $"sizeof({name})"]);

        Assert.Equal(c[$"sizeof({name})"], SizeOf(type));
        Compare(type, name, [], c);
    }

    [Fact]
    public void EveryStructOfTheInterop_IsCompared()
    {
        var declared = typeof(Files).Assembly.GetTypes().Where(
            t => t.Namespace == typeof(clone_args).Namespace && t.IsValueType && !t.IsEnum && t.DeclaringType is null);

        Assert.Empty(declared.Except(s_structs.Keys).Except(s_bpfAttr.Keys).Except([typeof(step), typeof(launch)]).Select(t => t.Name));
    }

    [Fact]
    public void ControlMessage_LiesWhereTheHeaderSays()
    {
        // Sockets.SendDescriptors writes the header as bytes.
        var c = CProgram.Evaluate(["sys/socket.h"],
        [
            "sizeof(struct cmsghdr)", "CMSG_LEN(0)", "offsetof(struct cmsghdr, cmsg_level)", "offsetof(struct cmsghdr, cmsg_type)",
            "CMSG_ALIGN(17)", "CMSG_LEN(4 * 3)",
        ]);

        Assert.Equal([16, 16, 8, 12, 24, 28], c.Values);
    }

    private static IEnumerable<FieldInfo> MembersOf(Type type, Dictionary<string, string> members)
        => type.GetFields(Fields).Where(f => NameOf(f, members).Length > 0);

    private static string NameOf(FieldInfo field, Dictionary<string, string> members)
    {
        // A record's property Code lies in the field <Code>k__BackingField.
        var plain = field.Name.Trim('<').Split('>')[0];
        return members.GetValueOrDefault(plain, plain);
    }

    private static IEnumerable<string> MemberExpressions(Type type, string name, Dictionary<string, string> members)
        => MembersOf(type, members).SelectMany(
            f => new[] { OffsetOf(name, NameOf(f, members)), SizeOf(name, NameOf(f, members)) });

    private static void Compare(Type type, string name, Dictionary<string, string> members, Dictionary<string, long> c)
    {
        foreach (var field in MembersOf(type, members))
        {
            var member = NameOf(field, members);
            Assert.Equal(
                (member, c[OffsetOf(name, member)], c[SizeOf(name, member)]),
                (member, (long)Marshal.OffsetOf(type, field.Name), SizeOf(field.FieldType)));
        }
    }

    private static string OffsetOf(string name, string member) => $"offsetof({name}, {member})";

    private static string SizeOf(string name, string member) => $"sizeof((({name} *)0)->{member})";

    private static long SizeOf(Type type)
    {
        var method = typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!;
        return type.IsPointer ? nint.Size : (int)method.MakeGenericMethod(type).Invoke(null, null)!;
    }
}
