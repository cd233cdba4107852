namespace Crisp.Linux.Seccomp;

/// <summary>Makes the instructions of rules with conditions.</summary>
/// <param name="wide">Arguments have 64 bits; otherwise only their lower half exists.</param>
internal sealed class SeccompConditions(bool wide)
{
    private const int Next = 0;
    private const int Pass = -1;
    private const int Fail = -2;

    /// <summary>Rules one after the other, and the default.</summary>
    internal List<SeccompInstruction> Emit(IReadOnlyList<SeccompRule> rules, uint defaultAnswer)
    {
        var program = new List<SeccompInstruction>();
        foreach (var rule in rules)
        {
            Emit(rule, program);
        }

        program.Add(new SeccompInstruction(SeccompInstruction.Return, defaultAnswer));
        return program;
    }

    private void Emit(SeccompRule rule, List<SeccompInstruction> program)
    {
        var steps = new List<Step>();
        foreach (var condition in rule.Conditions)
        {
            var first = steps.Count;
            Emit(condition, steps);
            for (var i = first; i < steps.Count; i++)
            {
                steps[i] = steps[i].Land(Pass, steps.Count - i - 1);
            }
        }

        steps.Add(new Step(SeccompInstruction.Return, rule.Answer, Next, Next));
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i].Land(Fail, steps.Count - i - 1);
            program.Add(new SeccompInstruction(step.Code, checked((byte)step.True), checked((byte)step.False), step.Constant));
        }
    }

    private void Emit(SeccompCondition condition, List<Step> steps)
    {
        // struct seccomp_data: arguments of 64 bits from byte 16 on, their lower halves first on this machine.
        const uint Arguments = 16;
        const uint Half = 4;
        var low = Arguments + (8 * (uint)condition.Argument);
        var (lowValue, highValue) = ((uint)condition.Value, (uint)(condition.Value >> 32));
        if (wide)
        {
            steps.Add(new Step(SeccompInstruction.Load, low + Half, Next, Next));
            High(condition, highValue, steps);
        }

        steps.Add(new Step(SeccompInstruction.Load, low, Next, Next));
        Low(condition, lowValue, steps);
    }

    /// <summary>Decides by the upper half, or goes on to the lower one when that is equal.</summary>
    private static void High(SeccompCondition condition, uint value, List<Step> steps)
    {
        switch (condition.Comparison)
        {
            case SeccompComparison.Equal:
                steps.Add(new Step(SeccompInstruction.JumpEqual, value, Next, Fail));
                break;
            case SeccompComparison.NotEqual:
                steps.Add(new Step(SeccompInstruction.JumpEqual, value, Next, Pass));
                break;
            case SeccompComparison.MaskedEqual:
                steps.Add(new Step(SeccompInstruction.And, (uint)(condition.Mask >> 32), Next, Next));
                steps.Add(new Step(SeccompInstruction.JumpEqual, value, Next, Fail));
                break;
            case SeccompComparison.Greater or SeccompComparison.GreaterOrEqual:
                steps.Add(new Step(SeccompInstruction.JumpGreater, value, Pass, Next));
                steps.Add(new Step(SeccompInstruction.JumpEqual, value, Next, Fail));
                break;
            default:
                steps.Add(new Step(SeccompInstruction.JumpGreater, value, Fail, Next));
                steps.Add(new Step(SeccompInstruction.JumpEqual, value, Next, Pass));
                break;
        }
    }

    private static void Low(SeccompCondition condition, uint value, List<Step> steps)
    {
        if (condition.Comparison == SeccompComparison.MaskedEqual)
        {
            steps.Add(new Step(SeccompInstruction.And, (uint)condition.Mask, Next, Next));
        }

        steps.Add(condition.Comparison switch
        {
            SeccompComparison.NotEqual => new Step(SeccompInstruction.JumpEqual, value, Fail, Pass),
            SeccompComparison.Greater => new Step(SeccompInstruction.JumpGreater, value, Pass, Fail),
            SeccompComparison.LessOrEqual => new Step(SeccompInstruction.JumpGreater, value, Fail, Pass),
            SeccompComparison.GreaterOrEqual => new Step(SeccompInstruction.JumpGreaterOrEqual, value, Pass, Fail),
            SeccompComparison.Less => new Step(SeccompInstruction.JumpGreaterOrEqual, value, Fail, Pass),
            _ => new Step(SeccompInstruction.JumpEqual, value, Pass, Fail),
        });
    }

    /// <summary>An instruction whose jumps may still have to be aimed.</summary>
    private readonly record struct Step(ushort Code, uint Constant, int True, int False)
    {
        internal Step Land(int label, int distance) => this with
        {
            True = True == label ? distance : True,
            False = False == label ? distance : False,
        };
    }
}
