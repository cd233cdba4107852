using System.Runtime.InteropServices;
using Crisp.Linux.Interop;

namespace Crisp.Linux.Plans;

public sealed partial class PlanBuilder
{
    /// <summary>setgroups(2).</summary>
    public StepReference SetGroups(IReadOnlyList<uint> groups)
    {
        var data = _data.Add(MemoryMarshal.AsBytes<uint>(groups.ToArray()));
        return Add(
            SystemCall.setgroups,
            Literal(groups.Count),
            new PlanArgument(ArgumentKind.Data, data, ArgumentFormat.Pointer, new GroupsSource(groups)));
    }

    /// <summary>setresgid(2), all three the same.</summary>
    public StepReference SetResGid(uint gid) => Add(SystemCall.setresgid, Literal(gid), Literal(gid), Literal(gid));

    /// <summary>setresuid(2), all three the same. Capabilities become empty unless <see cref="KeepCapabilities"/> came before.</summary>
    public StepReference SetResUid(uint uid) => Add(SystemCall.setresuid, Literal(uid), Literal(uid), Literal(uid));

    /// <summary>PR_SET_KEEPCAPS 1: the permitted set survives the change of the user id, until execve.</summary>
    public StepReference KeepCapabilities() => Prctl(8, 1);

    /// <summary>PR_SET_NO_NEW_PRIVS 1.</summary>
    public StepReference NoNewPrivileges() => Prctl(38, 1);

    /// <summary>PR_CAPBSET_DROP: takes a capability out of the bounding set. EINVAL: the kernel does not know it.</summary>
    public StepReference DropFromBoundingSet(int capability) => Prctl(24, capability, ArgumentFormat.Capability);

    /// <summary>PR_CAP_AMBIENT_RAISE: it must be permitted and inheritable.</summary>
    public StepReference RaiseAmbient(int capability)
    {
        const int PrCapAmbient = 47;
        const int Raise = 2;
        return Add(
            SystemCall.prctl,
            Literal(PrCapAmbient, ArgumentFormat.Prctl),
            Literal(Raise, ArgumentFormat.CapabilityAmbient),
            Literal(capability, ArgumentFormat.Capability),
            Literal(0),
            Literal(0));
    }

    /// <summary>PR_CAP_AMBIENT_CLEAR_ALL.</summary>
    public StepReference ClearAmbient() => Add(
        SystemCall.prctl,
        Literal(47, ArgumentFormat.Prctl),
        Literal(4, ArgumentFormat.CapabilityAmbient),
        Literal(0),
        Literal(0),
        Literal(0));

    /// <summary>capset(2).</summary>
    public StepReference CapSet(CapabilitySet effective, CapabilitySet permitted, CapabilitySet inheritable)
    {
        const uint Version3 = 0x20080522;
        Span<__user_cap_data_struct> halves = stackalloc __user_cap_data_struct[2];
        for (var i = 0; i < halves.Length; i++)
        {
            halves[i].effective = (uint)(effective.Bits >> (32 * i));
            halves[i].permitted = (uint)(permitted.Bits >> (32 * i));
            halves[i].inheritable = (uint)(inheritable.Bits >> (32 * i));
        }

        var header = new __user_cap_header_struct { version = Version3 };
        var source = new CapabilitySource(effective, permitted, inheritable);
        return Add(
            SystemCall.capset,
            Struct(header, new SymbolSource("V3")),
            new PlanArgument(ArgumentKind.Data, _data.Add(MemoryMarshal.AsBytes(halves)), ArgumentFormat.Pointer, source));
    }

    /// <summary>
    /// seccomp(2), SECCOMP_SET_MODE_FILTER. From here on only what the filter allows can be done: the following steps, write
    /// on the status pipe, and exit_group.
    /// </summary>
    /// <param name="program">struct sock_filter[], 8 bytes each.</param>
    /// <param name="flags">SECCOMP_FILTER_FLAG_*: TSYNC 1, LOG 2, SPEC_ALLOW 4.</param>
    public StepReference Seccomp(ReadOnlySpan<byte> program, uint flags = 0)
    {
        const int InstructionSize = 8;
        const int SetModeFilter = 1;
        const int FilterOffset = 8;
        var count = program.Length / InstructionSize;
        if (program.Length % InstructionSize != 0 || count is 0 or > 4096)
        {
            throw new ArgumentException($"A seccomp program has 1 to 4096 instructions of 8 bytes; this has {program.Length} bytes.");
        }

        var instructions = _data.Add(program);
        var fprog = _data.Add(new sock_fprog { len = (ushort)count });
        _data.Pointers.Add((fprog + FilterOffset, instructions));
        return Add(
            SystemCall.seccomp,
            Literal(SetModeFilter, ArgumentFormat.SeccompOperation),
            Literal(flags, ArgumentFormat.SeccompFlags),
            new PlanArgument(ArgumentKind.Data, fprog, ArgumentFormat.Pointer, new FilterSource(count)));
    }

    /// <summary>PR_SET_NAME: what ps shows, at most 15 bytes.</summary>
    public StepReference SetName(string name)
    {
        const int PrSetName = 15;
        return Add(SystemCall.prctl, Literal(PrSetName, ArgumentFormat.Prctl), Text(name), Literal(0), Literal(0), Literal(0));
    }

    /// <summary>prctl(2) with one argument.</summary>
    public StepReference Prctl(int option, long argument) => Prctl(option, argument, ArgumentFormat.Decimal);

    private StepReference Prctl(int option, long argument, ArgumentFormat format)
        => Add(
            SystemCall.prctl,
            Literal(option, ArgumentFormat.Prctl),
            Literal(argument, format),
            Literal(0),
            Literal(0),
            Literal(0));
}
