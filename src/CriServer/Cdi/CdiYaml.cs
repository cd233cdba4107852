using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Crisp.CriServer.Cdi;

/// <summary>
/// One document of YAML as JSON. Anchors, aliases and tags, by which a small file means a large or a strange one, are refused:
/// a specification of devices needs none.
/// </summary>
internal static partial class CdiYaml
{
    private const int Deepest = 16;
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <returns>Null for an empty document.</returns>
    /// <exception cref="CdiException">It is no such document.</exception>
    public static JsonNode? ToJson(ReadOnlyMemory<byte> text)
    {
        try
        {
            var parser = new Parser(new StringReader(Utf8(text.Span)));
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
            {
                return null;
            }

            var root = Node(parser, 0);
            parser.Consume<DocumentEnd>();
            return parser.TryConsume<StreamEnd>(out _) ? CdiSpecFile.WithoutNulls(root) : throw new CdiException("it has more than one document");
        }
        catch (YamlException e)
        {
            throw new CdiException($"it is no YAML at line {e.Start.Line}, column {e.Start.Column}: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            // What the scanner throws for some plain scalars within brackets.
            throw new CdiException("it is no YAML", e);
        }
    }

    private static string Utf8(ReadOnlySpan<byte> text)
    {
        try
        {
            return s_utf8.GetString(text);
        }
        catch (ArgumentException e)
        {
            throw new CdiException("it is not in UTF-8", e);
        }
    }

    private static JsonNode? Node(Parser parser, int depth)
    {
        if (depth > Deepest)
        {
            throw new CdiException($"it is nested more than {Deepest} deep");
        }

        if (parser.Current is AnchorAlias || parser.Current is NodeEvent { Anchor.IsEmpty: false })
        {
            throw new CdiException($"it has an anchor or an alias at line {parser.Current.Start.Line}, which no specification of devices needs");
        }

        if (parser.Current is NodeEvent { Tag.IsEmpty: false } tagged)
        {
            throw new CdiException($"it has the tag {tagged.Tag} at line {tagged.Start.Line}, which no specification of devices needs");
        }

        if (parser.TryConsume<Scalar>(out var scalar))
        {
            return Value(scalar);
        }

        if (parser.TryConsume<SequenceStart>(out _))
        {
            var list = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                list.Add(Node(parser, depth + 1));
            }

            return list;
        }

        parser.Consume<MappingStart>();
        var map = new JsonObject();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var key = parser.Consume<Scalar>();
            var value = Node(parser, depth + 1);
            if (!map.TryAdd(key.Value, value))
            {
                throw new CdiException($"it has {key.Value} twice, at line {key.Start.Line} again");
            }
        }

        return map;
    }

    // The core schema, and octal numbers as YAML 1.1 has them too: fileMode: 0660.
    private static JsonValue? Value(Scalar scalar) => scalar switch
    {
        { Style: not ScalarStyle.Plain } => JsonValue.Create(scalar.Value),
        { Value: "" or "~" or "null" or "Null" or "NULL" } => null,
        { Value: "true" or "True" or "TRUE" } => JsonValue.Create(true),
        { Value: "false" or "False" or "FALSE" } => JsonValue.Create(false),
        _ when Octal().Match(scalar.Value) is { Success: true } octal => JsonValue.Create(Convert.ToInt64(octal.Groups[1].Value, 8)),
        _ when Decimal().IsMatch(scalar.Value) => JsonValue.Create(long.Parse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)),
        _ => JsonValue.Create(scalar.Value),
    };

    [GeneratedRegex(@"\A0o?([0-7]{1,20})\z")]
    private static partial Regex Octal();

    [GeneratedRegex(@"\A[-+]?[0-9]{1,18}\z")]
    private static partial Regex Decimal();
}
