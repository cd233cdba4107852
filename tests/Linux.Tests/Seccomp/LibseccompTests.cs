using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Crisp.Linux.Seccomp;
using Xunit;

namespace Crisp.Linux.Tests.Seccomp;

/// <summary>Compares our filters with those of libseccomp, the library of runc and crun, call by call.</summary>
public sealed class LibseccompTests : IDisposable
{
    // Reads "default ANSWER", "arch NUMBER" and "rule ANSWER NAME [ARGUMENT COMPARISON MASK VALUE]…", writes the filter.
    private const string Source = """
        #include <seccomp.h>
        #include <stdio.h>
        #include <string.h>
        int main(void)
        {
            scmp_filter_ctx filter = NULL;
            static const uint32_t archs[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 };
            static const enum scmp_compare ops[] = { SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ };
            char line[4096], word[16], name[64];
            while (fgets(line, sizeof line, stdin)) {
                unsigned answer, count = 0; int used, more;
                struct scmp_arg_cmp args[6];
                sscanf(line, "%15s %u%n", word, &answer, &used);
                if (!strcmp(word, "default")) { filter = seccomp_init(answer); seccomp_arch_remove(filter, SCMP_ARCH_NATIVE); }
                else if (!strcmp(word, "arch")) seccomp_arch_add(filter, archs[answer]);
                else {
                    sscanf(line + used, "%63s%n", name, &more); used += more;
                    unsigned arg, op; unsigned long long mask, value;
                    while (sscanf(line + used, "%u %u %llu %llu%n", &arg, &op, &mask, &value, &more) == 4) {
                        used += more;
                        args[count++] = op == 6 ? SCMP_CMP64(arg, ops[op], mask, value) : SCMP_CMP64(arg, ops[op], value);
                    }
                    int number = seccomp_syscall_resolve_name(name);
                    if (number == __NR_SCMP_ERROR) continue;
                    int error = seccomp_rule_add_array(filter, answer, number, count, args);
                    if (error) { fprintf(stderr, "%s: %d\n", line, error); return 1; }
                }
            }
            return seccomp_export_bpf(filter, 1) != 0;
        }
        """;

    private const uint X32Bit = 0x4000_0000;
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomPolicies_AreTheSame(int seed)
    {
        Build();
        var random = new Random(seed);
        for (var round = 0; round < 10; round++)
        {
            var policy = Policy(random);
            var ours = SeccompCompiler.CompileInstructions(policy);
            var theirs = Theirs(policy);
            ulong[] values = [0, 1, 2, .. policy.Rules.SelectMany(r => r.Conditions).SelectMany(c => new[] { c.Value - 1, c.Value, c.Value + 1 })];
            var verdicts = policy.Architectures.ToDictionary(a => a, a => new SeccompVerdicts(policy, a));
            foreach (var architecture in Enum.GetValues<SeccompArchitecture>())
            {
                for (var number = 0u; number < 450; number++)
                {
                    var real = architecture == SeccompArchitecture.X32 ? number | X32Bit : number;

                    // runc, and not the library, makes newer calls ENOSYS.
                    if (verdicts.TryGetValue(architecture, out var v) && real >= v.AfterLast)
                    {
                        break;
                    }

                    for (var i = 0; i < 6; i++)
                    {
                        // Of more than 32 bits nothing can be asked of a machine that has no more, and each library does what it likes.
                        var width = policy.Architectures.Count == 1 ? ulong.MaxValue : uint.MaxValue;
                        var call = new SeccompCall(architecture, real, [.. random.GetItems(values, 6).Select(a => a & width)]);
                        var (own, other) = (SeccompInterpreter.Run(ours, call, out _), SeccompInterpreter.Run(theirs, call, out _));
                        Assert.True(own == other, $"seed {seed}, round {round}: {architecture} {number} ({string.Join(", ", call.Arguments)}) is {own:x} and {other:x}");
                    }
                }
            }
        }
    }

    /// <summary>Rules of one call have the same answer, as the library leaves open which of several holds.</summary>
    private static SeccompPolicy Policy(Random random)
    {
        // libseccomp cannot see through socketcall(2) and ipc(2) either, and says of them what ours does not.
        // And version 2.5.4 knows the calls of Linux 5.16.
        string[] names =
        [
            .. SystemCallTable.Names
                .Where(n => Multiplexer.Find(n) is null && n is not ("socketcall" or "ipc" or "uretprobe" or "uprobe"))
                .Where(n => SystemCallTable.Find(n, SeccompArchitecture.X86_64) is not >= 450)
                .Order(StringComparer.Ordinal),
        ];
        random.Shuffle(names);
        uint[] answers = [SeccompAnswer.Allow, SeccompAnswer.Log, SeccompAnswer.KillProcess, SeccompAnswer.Trap, SeccompAnswer.Errno(13), SeccompAnswer.Trace(7)];
        var rules = new List<SeccompRule>();
        SeccompArchitecture[] architectures = [SeccompArchitecture.X86_64, .. Enum.GetValues<SeccompArchitecture>().Skip(1).Where(_ => random.Next(2) > 0)];
        var width = architectures.Length == 1 ? ulong.MaxValue : uint.MaxValue;
        for (int i = 0, next = 0; i < 12; i++)
        {
            var conditional = i % 3 > 0;
            var count = conditional ? 3 : random.Next(1, 90);
            var some = names.Skip(next).Take(count).ToList();
            next += count;
            var answer = answers[random.Next(answers.Length)];
            if (i % 3 == 2)
            {
                // Several rules of one call with different comparisons are merged wrongly by 2.5.4; values of a list are not.
                rules.AddRange(Enumerable.Range(0, 3).Select(_ => new SeccompRule(some, answer, [Condition(0, random, width) with { Comparison = SeccompComparison.Equal }])));
                continue;
            }

            rules.Add(new SeccompRule(some, answer, conditional ? [.. Conditions(random, width)] : []));
        }

        return new SeccompPolicy
        {
            DefaultAnswer = SeccompAnswer.Errno(1),
            Architectures = architectures,
            Rules = rules,
        };
    }

    private static IEnumerable<SeccompCondition> Conditions(Random random, ulong width)
        => Enumerable.Range(0, 6).OrderBy(_ => random.Next()).Take(random.Next(1, 4)).Select(argument => Condition(argument, random, width));

    private static SeccompCondition Condition(int argument, Random random, ulong width)
    {
        var comparison = (SeccompComparison)random.Next(7);
        var value = random.Next(3) switch { 0 => (ulong)(uint)random.Next(4), 1 => uint.MaxValue, _ => (ulong)random.NextInt64() & width };
        var mask = (ulong)random.NextInt64() & width;
        return comparison == SeccompComparison.MaskedEqual ? new(argument, comparison, value & mask, mask) : new(argument, comparison, value);
    }

    private SeccompInstruction[] Theirs(SeccompPolicy policy)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"default {policy.DefaultAnswer}\n");
        foreach (var architecture in policy.Architectures)
        {
            text.Append(CultureInfo.InvariantCulture, $"arch {(int)architecture}\n");
        }

        foreach (var (rule, name) in policy.Rules.SelectMany(r => r.Names.Select(n => (r, n))))
        {
            text.Append(CultureInfo.InvariantCulture, $"rule {rule.Answer} {name}");
            foreach (var c in rule.Conditions)
            {
                text.Append(CultureInfo.InvariantCulture, $" {c.Argument} {(int)c.Comparison} {c.Mask} {c.Value}");
            }

            text.Append('\n');
        }

        var start = new ProcessStartInfo(_directory.File("filter")) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        using var output = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(output);
        process.StandardInput.Write(text);
        process.StandardInput.Close();
        reading.Wait();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return MemoryMarshal.Cast<byte, SeccompInstruction>(output.ToArray()).ToArray();
    }

    private void Build()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/cc") && File.Exists("/usr/include/seccomp.h"), "needs a C compiler and libseccomp (Debian: gcc, libseccomp-dev)");
        File.WriteAllText(_directory.File("filter.c"), Source);
        using var compiler = Process.Start(new ProcessStartInfo("/usr/bin/cc", ["-w", "-o", _directory.File("filter"), _directory.File("filter.c"), "-lseccomp"]) { RedirectStandardError = true })!;
        var errors = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        Assert.True(compiler.ExitCode == 0, errors);
    }
}
