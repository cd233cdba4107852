using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Crisp.CriServer.CommandLine.Migration;

/// <summary>The values of a TOML file whose keys this program does not know in advance, each with its whole path.</summary>
internal sealed class TomlSettings
{
    private readonly List<(string[] Path, ValueSyntax Value)> _values = [];

    /// <exception cref="FormatException">It is not TOML.</exception>
    public TomlSettings(string text, string name)
    {
        var document = Parse(text, name);
        if (document.HasErrors)
        {
            throw new FormatException(document.Diagnostics.First().ToString());
        }

        Add([], document.KeyValues);
        foreach (var table in document.Tables)
        {
            Add(table.Name is { } key ? Parts(key) : [], table.Items);
        }
    }

    /// <summary>The text of a value whose path ends so; null when there is none, or it is no text.</summary>
    public string? Text(params string[] end) => Find(end) is StringValueSyntax { Value: { } text } ? text : null;

    public bool? Flag(params string[] end) => Find(end) is BooleanValueSyntax { Value: var value } ? value : null;

    /// <summary>The texts of a list.</summary>
    public IReadOnlyList<string> Texts(params string[] end)
        => Find(end) is ArraySyntax array ? [.. array.Items.Select(i => i.Value).OfType<StringValueSyntax>().Select(v => v.Value ?? "")] : [];

    /// <summary>The names of the tables directly below a table.</summary>
    public IReadOnlyList<string> Below(params string[] table)
        => [.. _values.Select(v => (v.Path, At: IndexOf(v.Path, table))).Where(v => v.At >= 0 && v.At + table.Length < v.Path.Length - 1)
            .Select(v => v.Path[v.At + table.Length]).Distinct()];

    private static DocumentSyntax Parse(string text, string name)
    {
        try
        {
            return SyntaxParser.Parse(text, name);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // The parser, where it is to tell of a character that does not exist after a backslash.
            throw new FormatException("a backslash stands before something that is no character", e);
        }
    }

    private ValueSyntax? Find(string[] end)
        => _values.Where(v => v.Path.Length >= end.Length && v.Path.AsSpan(v.Path.Length - end.Length).SequenceEqual(end)).Select(v => v.Value).FirstOrDefault();

    private static int IndexOf(string[] path, string[] part)
    {
        for (var i = 0; i + part.Length <= path.Length; i++)
        {
            if (path.AsSpan(i, part.Length).SequenceEqual(part))
            {
                return i;
            }
        }

        return -1;
    }

    private void Add(string[] table, IEnumerable<KeyValueSyntax> entries)
    {
        foreach (var entry in entries)
        {
            if (entry is { Key: { } key, Value: { } value })
            {
                string[] path = [.. table, .. Parts(key)];
                if (value is InlineTableSyntax inline)
                {
                    Add(path, inline.Items.Select(i => i.KeyValue!));
                }
                else
                {
                    _values.Add((path, value));
                }
            }
        }
    }

    private static string[] Parts(KeySyntax key) => [Part(key.Key), .. key.DotKeys.Select(k => Part(k.Key))];

    private static string Part(BareKeyOrStringValueSyntax? part) => part switch
    {
        StringValueSyntax text => text.Value ?? "",
        BareKeySyntax bare => bare.Key?.Text ?? "",
        _ => "",
    };
}
