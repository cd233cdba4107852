using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Crisp.NodeAgent.Tests.Chart;

/// <summary>As much of JSON Schema (draft 7) as the chart's schema uses; a keyword that it does not know is an error.</summary>
internal sealed class JsonSchema(JsonObject root)
{
    private static readonly HashSet<string> s_known =
    [
        "$schema", "title", "description", "definitions", "type", "properties", "additionalProperties", "required", "enum", "pattern", "minimum", "maximum",
        "minLength", "minItems", "items", "anyOf", "$ref",
    ];

    /// <summary>What is wrong with a document, each with its path.</summary>
    public IReadOnlyList<string> Problems(JsonNode? value) => [.. Problems(root, value, "")];

    private IEnumerable<string> Problems(JsonObject schema, JsonNode? value, string path)
    {
        if (schema.FirstOrDefault(k => !s_known.Contains(k.Key)).Key is { } unknown)
        {
            throw new NotSupportedException($"{path}: the keyword {unknown}");
        }

        if (schema["$ref"] is { } reference)
        {
            return Problems(root["definitions"]![$"{reference}"["#/definitions/".Length..]]!.AsObject(), value, path);
        }

        if (schema["anyOf"] is JsonArray choices)
        {
            return choices.Any(c => !Problems(c!.AsObject(), value, path).Any()) ? [] : [$"{path} is none of the choices"];
        }

        if (schema["enum"] is JsonArray words && !words.Any(w => $"{w}" == $"{value}"))
        {
            return [$"{path} is {value}, which is none of {words.ToJsonString()}"];
        }

        return $"{schema["type"]}" switch
        {
            "object" => value is JsonObject o ? ObjectProblems(schema, o, path) : [$"{path} is no object"],
            "array" => value is JsonArray a ? ArrayProblems(schema, a, path) : [$"{path} is no array"],
            "string" => value is JsonValue v && v.TryGetValue<string>(out var text) ? TextProblems(schema, text, path) : [$"{path} is no string"],
            "integer" => value is JsonValue n && n.TryGetValue<long>(out var number) ? NumberProblems(schema, number, path) : [$"{path} is no integer"],
            "boolean" => value is JsonValue b && b.TryGetValue<bool>(out _) ? [] : [$"{path} is no boolean"],
            _ => [],
        };
    }

    private IEnumerable<string> ObjectProblems(JsonObject schema, JsonObject value, string path)
    {
        foreach (var name in (schema["required"] as JsonArray ?? []).Where(r => !value.ContainsKey($"{r}")))
        {
            yield return $"{path}/{name} is missing";
        }

        foreach (var (name, field) in value)
        {
            var known = schema["properties"]?[name] as JsonObject ?? schema["additionalProperties"] as JsonObject;
            if (known is not null)
            {
                foreach (var problem in Problems(known, field, $"{path}/{name}"))
                {
                    yield return problem;
                }
            }
            else if (schema["additionalProperties"] is JsonValue no && !no.GetValue<bool>())
            {
                yield return $"{path}/{name} is not allowed";
            }
        }
    }

    private IEnumerable<string> ArrayProblems(JsonObject schema, JsonArray value, string path) =>
        value.Count < (schema["minItems"]?.GetValue<int>() ?? 0) ? [$"{path} is too short"]
        : value.SelectMany((v, i) => Problems(schema["items"]!.AsObject(), v, string.Create(CultureInfo.InvariantCulture, $"{path}/{i}")));

    private static IEnumerable<string> TextProblems(JsonObject schema, string text, string path)
    {
        if (schema["pattern"] is { } pattern && !Regex.IsMatch(text, $"{pattern}"))
        {
            yield return $"{path} is \"{text}\", which does not match {pattern}";
        }

        if (text.Length < (schema["minLength"]?.GetValue<int>() ?? 0))
        {
            yield return $"{path} is empty";
        }
    }

    private static IEnumerable<string> NumberProblems(JsonObject schema, long number, string path)
    {
        if (number < (schema["minimum"]?.GetValue<long>() ?? long.MinValue) || number > (schema["maximum"]?.GetValue<long>() ?? long.MaxValue))
        {
            yield return $"{path} is {number}, which is out of range";
        }
    }
}
