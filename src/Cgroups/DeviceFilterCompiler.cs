using Crisp.Linux;

namespace Crisp.Cgroups;

/// <summary>
/// Makes the eBPF program of a v2 cgroup's device filter (BPF_PROG_TYPE_CGROUP_DEVICE) from rules of which the last match
/// wins. The program goes through them backwards with the accesses that are still undecided: a denying rule that touches one
/// of them ends it with 0, an allowing rule settles its own, and when none is left the answer is 1. So an open for reading
/// and writing needs both, each decided by its own last rule.
/// </summary>
public static class DeviceFilterCompiler
{
    private const byte R0 = 0;
    private const byte Context = 1;
    private const byte Type = 2;
    private const byte Access = 3;
    private const byte Major = 4;
    private const byte Minor = 5;
    private const byte Scratch = 6;

    // linux/bpf.h: BPF_LDX|BPF_MEM|BPF_W, BPF_ALU|BPF_AND|BPF_K, BPF_ALU|BPF_RSH|BPF_K, BPF_ALU|BPF_MOV|BPF_X,
    // BPF_ALU64|BPF_MOV|BPF_K, BPF_JMP32|BPF_JNE|BPF_K, BPF_JMP32|BPF_JEQ|BPF_K, BPF_JMP|BPF_EXIT.
    private const byte LoadWord = 0x61;
    private const byte And = 0x54;
    private const byte ShiftRight = 0x74;
    private const byte Move = 0xBC;
    private const byte MoveImmediate = 0xB7;
    private const byte JumpNotEqual = 0x56;
    private const byte JumpEqual = 0x16;
    private const byte Exit = 0x95;

    /// <summary>The program. What no rule matches is refused.</summary>
    public static BpfInstruction[] Compile(IReadOnlyList<DeviceRule> rules)
    {
        // struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; }, access_type = access << 16 | type.
        var program = new List<BpfInstruction>
        {
            new(LoadWord, Registers(Type, Context), 0, 0),
            new(LoadWord, Registers(Access, Context), 0, 0),
            new(LoadWord, Registers(Major, Context), 4, 0),
            new(LoadWord, Registers(Minor, Context), 8, 0),
            new(And, Type, 0, 0xFFFF),
            new(ShiftRight, Access, 0, 16),
        };
        for (var i = rules.Count - 1; i >= 0; i--)
        {
            rules[i].Validate();
            Add(program, rules[i]);
            if (rules[i] is { Type: 'a', Major: null, Minor: null, Access: DeviceAccess.All })
            {
                // Everything is decided, and the verifier refuses instructions that cannot be reached.
                return [.. program];
            }
        }

        Answer(program, allow: false);
        return [.. program];
    }

    private static void Add(List<BpfInstruction> program, DeviceRule rule)
    {
        Span<int> jumps = stackalloc int[4];
        var count = 0;
        if (rule.Type != 'a')
        {
            const int Block = 1;
            const int Character = 2;
            jumps[count++] = Jump(program, JumpNotEqual, Type, rule.Type == 'b' ? Block : Character);
        }

        if (rule.Major is { } major)
        {
            jumps[count++] = Jump(program, JumpNotEqual, Major, (int)major);
        }

        if (rule.Minor is { } minor)
        {
            jumps[count++] = Jump(program, JumpNotEqual, Minor, (int)minor);
        }

        if (rule.Access != DeviceAccess.All)
        {
            jumps[count++] = rule.Allow ? Settle(program, rule.Access) : Touch(program, rule.Access);
        }

        Answer(program, rule.Allow);
        foreach (var jump in jumps[..count])
        {
            program[jump] = program[jump] with { Offset = (short)(program.Count - jump - 1) };
        }
    }

    private static int Settle(List<BpfInstruction> program, DeviceAccess access)
    {
        program.Add(new BpfInstruction(And, Access, 0, (int)(DeviceAccess.All & ~access)));
        return Jump(program, JumpNotEqual, Access, 0);
    }

    private static int Touch(List<BpfInstruction> program, DeviceAccess access)
    {
        program.Add(new BpfInstruction(Move, Registers(Scratch, Access), 0, 0));
        program.Add(new BpfInstruction(And, Scratch, 0, (int)access));
        return Jump(program, JumpEqual, Scratch, 0);
    }

    private static int Jump(List<BpfInstruction> program, byte code, byte register, int value)
    {
        program.Add(new BpfInstruction(code, register, 0, value));
        return program.Count - 1;
    }

    private static void Answer(List<BpfInstruction> program, bool allow)
    {
        program.Add(new BpfInstruction(MoveImmediate, R0, 0, allow ? 1 : 0));
        program.Add(new BpfInstruction(Exit, 0, 0, 0));
    }

    private static byte Registers(byte destination, byte source) => (byte)(source << 4 | destination);
}
