using System.Collections.Frozen;
using System.Globalization;

namespace Crisp.Linux.Seccomp;

/// <summary>The numbers of all system calls, for profiles that name them.</summary>
internal static partial class SystemCallTable
{
    internal const uint X32Bit = 0x4000_0000;
    private static readonly FrozenDictionary<string, Numbers> s_numbers = Parse();

    internal static IEnumerable<string> Names => s_numbers.Keys;

    /// <returns>Null: the machine has no such call, or nobody here knows of it.</returns>
    internal static uint? Find(string name, SeccompArchitecture architecture)
        => !s_numbers.TryGetValue(name, out var numbers) ? null : architecture switch
        {
            SeccompArchitecture.X86_64 => numbers.X86_64,
            SeccompArchitecture.X86 => numbers.X86,
            _ => numbers.X32 | X32Bit,
        };

    private static FrozenDictionary<string, Numbers> Parse()
    {
        var numbers = new Dictionary<string, Numbers>(StringComparer.Ordinal);
        foreach (var entry in Text.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = entry.Split(':');
            var native = Number(fields[1]);
            numbers.Add(fields[0], new Numbers(native, Number(fields[2]), fields.Length > 3 ? Number(fields[3]) : native));
        }

        return numbers.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static uint? Number(string text) => text == "-" ? null : uint.Parse(text, CultureInfo.InvariantCulture);

    private readonly record struct Numbers(uint? X86_64, uint? X86, uint? X32);
}
