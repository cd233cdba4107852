using System.Text.Json;
using System.Text.Json.Serialization;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.Hosting;

namespace Crisp.CriServer.Check;

/// <summary>Shows results, to people line by line and to scripts as JSON.</summary>
internal static class CheckReport
{
    private const int StateWidth = 10;
    private const int NameWidth = 32;

    /// <summary>0, or 1 when something necessary is missing.</summary>
    public static int ExitCode(IEnumerable<CheckResult> results) => results.Any(IsFatal) ? 1 : 0;

    /// <summary>One result: a line, and a second one that says what to do.</summary>
    /// <param name="colour">Whether the state is coloured for a terminal (ECMA-48).</param>
    public static string Line(CheckResult result, bool colour)
    {
        var (word, code) = result.State switch
        {
            CheckState.Ok => ("ok", 32),
            CheckState.Warning => ("warning", 33),
            _ when result.IsNecessary => ("MISSING", 31),
            _ => ("missing", 33),
        };
        var state = colour ? $"\u001b[{code}m{word}\u001b[0m{"".PadRight(StateWidth - word.Length)}" : word.PadRight(StateWidth);
        var line = $"{state}{result.Name.PadRight(NameWidth)}{Table.Printable(result.Found)}\n";
        return result.Advice is null ? line : $"{line}{"".PadRight(StateWidth)}-> {Table.Printable(result.Advice)}\n";
    }

    /// <summary>The last line: whether pods can run here.</summary>
    public static string Verdict(IReadOnlyList<CheckResult> results)
    {
        var fatal = results.Where(IsFatal).Select(r => r.Name).ToList();
        if (fatal.Count > 0)
        {
            return $"This node cannot run pods. Missing: {string.Join(", ", fatal)}.\n";
        }

        var missing = results.Count(r => r.State == CheckState.Missing);
        var warnings = results.Count(r => r.State == CheckState.Warning);
        return (missing, warnings) switch
        {
            (0, 0) => "This node can run pods; nothing is missing.\n",
            _ => $"This node can run pods. {Count(missing, "optional part")} missing, {Count(warnings, "warning")}.\n",
        };
    }

    /// <summary>All results as one object.</summary>
    public static string Json(IReadOnlyList<CheckResult> results) =>
        JsonSerializer.Serialize(new CheckDocument(CrispVersion.Text, !results.Any(IsFatal), results), CheckJson.Default.CheckDocument) + "\n";

    private static bool IsFatal(CheckResult result) => result is { State: CheckState.Missing, IsNecessary: true };

    private static string Count(int count, string noun) => $"{count} {noun}{(count == 1 ? "" : "s")}";
}

/// <summary>What <c>crisp check --output json</c> prints.</summary>
/// <param name="Usable">Whether pods can run here.</param>
internal sealed record CheckDocument(string Version, bool Usable, IReadOnlyList<CheckResult> Checks);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(CheckDocument))]
internal sealed partial class CheckJson : JsonSerializerContext;
