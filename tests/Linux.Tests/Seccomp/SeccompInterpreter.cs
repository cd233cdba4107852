using Crisp.Linux.Seccomp;

namespace Crisp.Linux.Tests.Seccomp;

/// <summary>A system call as a filter sees it, struct seccomp_data.</summary>
internal readonly record struct SeccompCall(SeccompArchitecture Architecture, uint Number, ulong[] Arguments)
{
    internal static SeccompCall Of(SeccompArchitecture architecture, uint number, params ulong[] arguments)
        => new(architecture, number, [.. arguments, .. new ulong[6 - arguments.Length]]);
}

/// <summary>Runs a filter as the kernel would, and refuses what the kernel's checker refuses (bpf_check_classic).</summary>
internal static class SeccompInterpreter
{
    /// <param name="steps">Instructions that were run.</param>
    internal static uint Run(ReadOnlySpan<SeccompInstruction> program, SeccompCall call, out int steps)
    {
        uint? accumulator = null;
        steps = 0;
        for (var at = 0; ; at++)
        {
            var i = program[at];
            steps++;
            switch (i.Code)
            {
                case SeccompInstruction.Load:
                    accumulator = Load(call, i.Constant);
                    break;
                case SeccompInstruction.And:
                    accumulator = Value() & i.Constant;
                    break;
                case SeccompInstruction.Jump:
                    at += (int)i.Constant;
                    break;
                case SeccompInstruction.JumpEqual:
                    at += Value() == i.Constant ? i.JumpTrue : i.JumpFalse;
                    break;
                case SeccompInstruction.JumpGreater:
                    at += Value() > i.Constant ? i.JumpTrue : i.JumpFalse;
                    break;
                case SeccompInstruction.JumpGreaterOrEqual:
                    at += Value() >= i.Constant ? i.JumpTrue : i.JumpFalse;
                    break;
                case SeccompInstruction.Return:
                    return i.Constant;
                default:
                    throw new InvalidOperationException($"Instruction {at} has the unknown code {i.Code:x}.");
            }
        }

        uint Value() => accumulator ?? throw new InvalidOperationException("Nothing was loaded.");
    }

    private static uint Load(SeccompCall call, uint offset) => offset switch
    {
        0 => call.Number,
        4 => call.Architecture == SeccompArchitecture.X86 ? 0x4000_0003 : 0xC000_003E,
        >= 16 and < 64 when offset % 4 == 0 => (uint)(call.Arguments[(offset - 16) / 8] >> (offset % 8 == 0 ? 0 : 32)),
        _ => throw new InvalidOperationException($"There is nothing to load at {offset}."),
    };
}
