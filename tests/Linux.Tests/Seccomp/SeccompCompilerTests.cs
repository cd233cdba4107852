using Crisp.Linux.Seccomp;
using Crisp.Linux.Tests.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Seccomp;

public sealed class SeccompCompilerTests
{
    private const uint X32Bit = 0x4000_0000;
    private static readonly uint s_eperm = SeccompAnswer.Errno(1);
    private static readonly string[] s_names = [.. SystemCallTable.Names.Order(StringComparer.Ordinal)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void RandomPolicies_AnswerEveryCallAsTheyMean(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 6; round++)
        {
            var policy = Policy(random);
            var program = SeccompCompiler.CompileInstructions(policy);
            var meaning = new SeccompMeaning(policy);
            foreach (var call in Calls(policy, random))
            {
                var answer = SeccompInterpreter.Run(program, call, out _);
                Assert.True(
                    meaning.Of(call) == answer,
                    $"seed {seed}, round {round}: {call.Architecture} {call.Number} ({string.Join(", ", call.Arguments)}) is {answer:x}, means {meaning.Of(call):x}");
            }
        }
    }

    [Theory]
    [InlineData(SeccompComparison.NotEqual)]
    [InlineData(SeccompComparison.Less)]
    [InlineData(SeccompComparison.LessOrEqual)]
    [InlineData(SeccompComparison.Equal)]
    [InlineData(SeccompComparison.GreaterOrEqual)]
    [InlineData(SeccompComparison.Greater)]
    [InlineData(SeccompComparison.MaskedEqual)]
    public void Comparisons_LookAtBothHalves(SeccompComparison comparison)
    {
        ulong[] edges = [0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0001, 0x7FFF_FFFF_FFFF_FFFF, ulong.MaxValue];
        foreach (var value in edges)
        {
            foreach (var mask in comparison == SeccompComparison.MaskedEqual ? edges : [ulong.MaxValue])
            {
                var rule = new SeccompRule(["ioctl"], SeccompAnswer.Allow, [new SeccompCondition(3, comparison, value, mask)]);
                var policy = new SeccompPolicy
                {
                    DefaultAnswer = s_eperm,
                    Architectures = Enum.GetValues<SeccompArchitecture>(),
                    Rules = [rule],
                };
                var program = SeccompCompiler.CompileInstructions(policy);
                var meaning = new SeccompMeaning(policy);
                foreach (var (architecture, number) in new[] { (SeccompArchitecture.X86_64, 16u), (SeccompArchitecture.X86, 54u), (SeccompArchitecture.X32, 514 | X32Bit) })
                {
                    foreach (var argument in edges)
                    {
                        var call = SeccompCall.Of(architecture, number, 0, 0, 0, argument);
                        Assert.Equal(meaning.Of(call), SeccompInterpreter.Run(program, call, out _));
                    }
                }
            }
        }
    }

    [Fact]
    public void LongLists_AreSearchedAndNotWalkedThrough()
    {
        // Every second call, so that nothing can be joined.
        var policy = new SeccompPolicy
        {
            DefaultAnswer = s_eperm,
            Architectures = Enum.GetValues<SeccompArchitecture>(),
            Rules = [new SeccompRule([.. s_names.Where((_, i) => i % 2 == 0)], SeccompAnswer.Allow, [])],
        };
        var program = SeccompCompiler.CompileInstructions(policy);
        Assert.InRange(program.Length, 500, 2000);
        for (var number = 0u; number < 600; number++)
        {
            SeccompInterpreter.Run(program, SeccompCall.Of(SeccompArchitecture.X86_64, number), out var steps);
            Assert.InRange(steps, 1, 16);
        }
    }

    [Fact]
    public void NewerCalls_AreEnosysWhereTheProfileForbids()
    {
        var program = SeccompCompiler.CompileInstructions(new SeccompPolicy
        {
            DefaultAnswer = SeccompAnswer.KillProcess,
            Rules = [new SeccompRule(["read", "openat2"], SeccompAnswer.Allow, [])],
        });
        Assert.Equal(SeccompAnswer.KillProcess, Answer(program, 436));
        Assert.Equal(SeccompAnswer.Allow, Answer(program, 437));
        Assert.Equal(SeccompAnswer.Errno(38), Answer(program, 438));

        // What a tracer skips is no call of another machine.
        Assert.Equal(SeccompAnswer.Errno(38), Answer(program, uint.MaxValue));
        Assert.Equal(SeccompAnswer.KillThread, Answer(program, X32Bit));
    }

    [Fact]
    public void TooManyRules_AreRefusedWithTheNumbers()
    {
        var rules = Enumerable.Range(0, 1000).Select(i => new SeccompRule(["ioctl"], SeccompAnswer.Allow, [new SeccompCondition(1, SeccompComparison.Equal, (ulong)i)]));
        var error = Assert.Throws<ArgumentException>(() => SeccompCompiler.Compile(new SeccompPolicy { DefaultAnswer = s_eperm, Rules = [.. rules] }));
        Assert.Contains("the kernel takes 4096", error.Message);
    }

    [Fact]
    public void LongPrograms_JumpFartherThanAByte()
    {
        var rules = Enumerable.Range(0, 300).Select(i => new SeccompRule(["ioctl"], SeccompAnswer.Allow, [new SeccompCondition(1, SeccompComparison.Equal, (ulong)i)]));
        var program = SeccompCompiler.CompileInstructions(new SeccompPolicy
        {
            DefaultAnswer = s_eperm,
            Rules = [.. rules, new SeccompRule(["read", "mkdir"], SeccompAnswer.Allow, [])],
        });
        Assert.Equal(SeccompAnswer.Allow, Answer(program, 0));
        Assert.Equal(SeccompAnswer.Allow, Answer(program, 83));
        Assert.Equal(s_eperm, Answer(program, 82));
        Assert.Equal(SeccompAnswer.Allow, Answer(program, 16, 0, 299));
        Assert.Equal(s_eperm, Answer(program, 16, 0, 300));
    }

    [Fact]
    public void TheKernel_TakesAndObeysAProgram()
    {
        var program = SeccompCompiler.Compile(new SeccompPolicy
        {
            DefaultAnswer = SeccompAnswer.Allow,
            Architectures = Enum.GetValues<SeccompArchitecture>(),
            Rules =
            [
                new SeccompRule(["mkdir", "mkdirat"], SeccompAnswer.Errno(98), []),
                new SeccompRule(["umask"], SeccompAnswer.Errno(99), [new SeccompCondition(0, SeccompComparison.MaskedEqual, 0x10, 0x38)]),
            ],
        });
        var (output, _) = PlanRunner.Run(
            plan =>
            {
                plan.NoNewPrivileges();
                plan.Seccomp(program);
                plan.Call(SystemCall.umask, 0x16).Accept((Errno)99);
            },
            "mkdir /tmp/x 2>&1; umask 0007; umask");
        Assert.Contains("Address already in use", output);
        Assert.EndsWith("0007\n", output);
    }

    private static uint Answer(SeccompInstruction[] program, uint number, params ulong[] arguments)
        => SeccompInterpreter.Run(program, SeccompCall.Of(SeccompArchitecture.X86_64, number, arguments), out _);

    private static SeccompPolicy Policy(Random random)
    {
        uint[] answers = [SeccompAnswer.Allow, SeccompAnswer.Log, SeccompAnswer.KillProcess, SeccompAnswer.KillThread, SeccompAnswer.Trap, s_eperm, SeccompAnswer.Errno(38), SeccompAnswer.Trace(7)];
        var architectures = Enum.GetValues<SeccompArchitecture>().Where(_ => random.Next(4) > 0).ToArray();
        var rules = new List<SeccompRule>();
        for (var i = random.Next(12); i >= 0; i--)
        {
            // Few names, so that rules meet on one call; multiplexed ones often.
            var conditions = Enumerable.Range(0, random.Next(4)).Select(_ => Condition(random)).ToList();
            var many = conditions.Count == 0 ? 120 : 6;
            string[] names = [.. random.GetItems(s_names, random.Next(1, many)), .. random.GetItems(["socket", "accept", "semop", "ioctl", "socketcall", "ipc"], 2)];
            rules.Add(new SeccompRule(names, answers[random.Next(answers.Length)], conditions));
        }

        return new SeccompPolicy { DefaultAnswer = answers[random.Next(answers.Length)], Architectures = architectures, Rules = rules };
    }

    private static SeccompCondition Condition(Random random)
        => new(random.Next(6), (SeccompComparison)random.Next(7), Value(random), Value(random) | 3);

    private static ulong Value(Random random) => random.Next(4) switch
    {
        0 => (ulong)random.Next(5),
        1 => 0xFFFF_FFFF,
        2 => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
        _ => ((ulong)(uint)random.Next(3) << 32) + (uint)random.Next(3),
    };

    /// <summary>Every number of every architecture, with arguments at and around what the policy compares with.</summary>
    private static IEnumerable<SeccompCall> Calls(SeccompPolicy policy, Random random)
    {
        ulong[] values = [0, 1, 2, 11, .. policy.Rules.SelectMany(r => r.Conditions).SelectMany(c => new[] { c.Value - 1, c.Value, c.Value + 1 })];
        foreach (var architecture in Enum.GetValues<SeccompArchitecture>())
        {
            for (var number = 0u; number < 620; number++)
            {
                for (var i = 0; i < 4; i++)
                {
                    yield return new SeccompCall(architecture, architecture == SeccompArchitecture.X32 ? number | X32Bit : number, random.GetItems(values, 6));
                }
            }
        }
    }
}
