using Tomlyn.Syntax;

namespace Crisp.CriServer.Configuration;

/// <summary>
/// The keys of a TOML document with their values, whichever way they are written: in a table, with dots or in an inline table.
/// </summary>
internal static class ConfigEntries
{
    /// <param name="problems">Gets what can be no section: an unknown one, or a list of tables.</param>
    public static List<(int Line, string Key, ConfigValue Value)> Of(DocumentSyntax document, List<(int Line, string Text)> problems)
    {
        var entries = new List<(int, string, ConfigValue)>();
        Add(entries, "", document.KeyValues);
        foreach (var table in document.Tables)
        {
            var section = Name("", table.Name);
            if (table is TableArraySyntax)
            {
                problems.Add((ConfigFile.Line(table.Span), $"[[{section}]] is a list of tables, which no section is. Write [{section}]."));
            }
            else if (!Sections(section).Contains(section))
            {
                problems.Add((ConfigFile.Line(table.Span), $"There is no section [{section}]. Did you mean [{NearestName.Of(section, Sections(section))}]?"));
            }
            else if (RuntimeOptions.NameIn(section) is not null && !table.Items.Any())
            {
                problems.Add((ConfigFile.Line(table.Span), $"[{section}] says nothing of its runtime handler. Write at least: kind = \"kvm\""));
            }
            else
            {
                Add(entries, section, table.Items);
            }
        }

        return entries;
    }

    private static IEnumerable<string> Sections(string key) => ConfigOptions.Near(key).Select(o => o.Section).Where(s => s.Length > 0).Distinct();

    private static void Add(List<(int, string, ConfigValue)> entries, string section, IEnumerable<KeyValueSyntax> pairs)
    {
        foreach (var pair in pairs)
        {
            var key = Name(section, pair.Key);
            if (pair.Value is InlineTableSyntax table)
            {
                Add(entries, key, table.Items.Select(item => item.KeyValue).OfType<KeyValueSyntax>());
            }
            else
            {
                entries.Add((ConfigFile.Line(pair.Span), key, new ConfigValue(pair.Value)));
            }
        }
    }

    private static string Name(string section, KeySyntax? key)
    {
        var names = section.Length == 0 ? [] : new List<string> { section };
        names.Add(Part(key?.Key));
        foreach (var dotted in key?.DotKeys ?? Enumerable.Empty<DottedKeyItemSyntax>())
        {
            names.Add(Part(dotted.Key));
        }

        return string.Join('.', names);
    }

    private static string Part(BareKeyOrStringValueSyntax? part) => part switch
    {
        StringValueSyntax { Value: { } text } => text,
        _ => $"{part}".Trim(),
    };
}
