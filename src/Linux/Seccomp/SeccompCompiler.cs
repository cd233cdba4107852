using System.Runtime.InteropServices;

namespace Crisp.Linux.Seccomp;

/// <summary>
/// Compiles a policy into a classic BPF program (seccomp(2)). The numbers of each architecture are cut into ranges with one
/// answer each, and a binary search finds the range: a call costs about eight comparisons however long the profile is.
/// </summary>
public static class SeccompCompiler
{
    /// <summary>BPF_MAXINSNS: what the kernel takes.</summary>
    public const int MostInstructions = 4096;

    private const uint AuditArchX86_64 = 0xC000_003E;
    private const uint AuditArchI386 = 0x4000_0003;

    // struct seccomp_data of linux/seccomp.h.
    private const uint NumberOffset = 0;
    private const uint ArchitectureOffset = 4;

    /// <summary>The program as the kernel reads it: struct sock_filter[].</summary>
    /// <exception cref="ArgumentException">The policy needs more instructions than the kernel takes.</exception>
    public static byte[] Compile(SeccompPolicy policy) => MemoryMarshal.AsBytes<SeccompInstruction>(CompileInstructions(policy)).ToArray();

    /// <inheritdoc cref="Compile"/>
    public static SeccompInstruction[] CompileInstructions(SeccompPolicy policy)
    {
        List<SeccompInstruction> refused = [new(SeccompInstruction.Return, SeccompAnswer.KillThread)];
        var native = Has(SeccompArchitecture.X86_64) ? Search(SeccompArchitecture.X86_64) : refused;

        // A tracer makes a call -1 in order to skip it, which is no call of x32.
        var x32 = Has(SeccompArchitecture.X32) ? Search(SeccompArchitecture.X32)
            : Either(SeccompInstruction.JumpEqual, uint.MaxValue, Answer(new SeccompVerdicts(policy, SeccompArchitecture.X86_64).Beyond), refused);
        var narrow = Has(SeccompArchitecture.X86) ? LoadNumber(Search(SeccompArchitecture.X86)) : refused;
        var other = Either(SeccompInstruction.JumpEqual, AuditArchI386, narrow, refused);
        SeccompInstruction[] program =
        [
            new(SeccompInstruction.Load, ArchitectureOffset),
            .. Either(SeccompInstruction.JumpEqual, AuditArchX86_64, LoadNumber(Choose(SystemCallTable.X32Bit, native, x32)), other),
        ];
        return program.Length <= MostInstructions
            ? program
            : throw new ArgumentException(
                $"The seccomp profile needs {program.Length} instructions, and the kernel takes {MostInstructions}. Use fewer rules with args.",
                nameof(policy));

        bool Has(SeccompArchitecture architecture) => policy.Architectures.Contains(architecture);

        List<SeccompInstruction> Search(SeccompArchitecture architecture) => SeccompCompiler.Search(policy, architecture);
    }

    private static List<SeccompInstruction> Search(SeccompPolicy policy, SeccompArchitecture architecture)
    {
        var verdicts = new SeccompVerdicts(policy, architecture);
        var conditions = new SeccompConditions(wide: architecture == SeccompArchitecture.X86_64);
        var ranges = new List<Range>();
        Add(new Range(0, Answer(verdicts.Default)));
        foreach (var (number, rules) in verdicts.Calls)
        {
            Add(new Range(number, rules is [{ Conditions.Count: 0 } always] ? Answer(always.Answer) : conditions.Emit(rules, verdicts.Default)));
            Add(new Range(number + 1, Answer(verdicts.Default)));
        }

        Add(new Range(verdicts.AfterLast, Answer(verdicts.Beyond)));
        return Search(CollectionsMarshal.AsSpan(ranges));

        void Add(Range range)
        {
            if (ranges.Count > 0 && ranges[^1].First == range.First)
            {
                ranges.RemoveAt(ranges.Count - 1);
            }

            if (ranges.Count == 0 || !ranges[^1].Code.SequenceEqual(range.Code))
            {
                ranges.Add(range);
            }
        }
    }

    private static List<SeccompInstruction> Search(ReadOnlySpan<Range> ranges)
    {
        if (ranges.Length == 1)
        {
            return ranges[0].Code;
        }

        var middle = ranges.Length / 2;
        return Choose(ranges[middle].First, Search(ranges[..middle]), Search(ranges[middle..]));
    }

    private static List<SeccompInstruction> Choose(uint first, List<SeccompInstruction> below, List<SeccompInstruction> from)
        => Either(SeccompInstruction.JumpGreaterOrEqual, first, from, below);

    /// <summary>A comparison and both ways on. Its own jumps reach 255 instructions; an unconditional one reaches any.</summary>
    private static List<SeccompInstruction> Either(
        ushort comparison, uint constant, List<SeccompInstruction> holds, List<SeccompInstruction> fails)
        => fails.Count <= byte.MaxValue
            ? [new SeccompInstruction(comparison, (byte)fails.Count, 0, constant), .. fails, .. holds]
            :
            [
                new SeccompInstruction(comparison, 0, 1, constant),
                new SeccompInstruction(SeccompInstruction.Jump, (uint)fails.Count),
                .. fails,
                .. holds,
            ];

    private static List<SeccompInstruction> LoadNumber(List<SeccompInstruction> rest)
        => [new SeccompInstruction(SeccompInstruction.Load, NumberOffset), .. rest];

    private static List<SeccompInstruction> Answer(uint answer) => [new(SeccompInstruction.Return, answer)];

    /// <param name="First">The lowest number; the range ends where the next one begins.</param>
    private readonly record struct Range(uint First, List<SeccompInstruction> Code);
}
