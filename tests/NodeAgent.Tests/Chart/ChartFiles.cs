using System.Globalization;
using System.Text.Json.Nodes;
using Crisp.Repository.Tests;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Crisp.NodeAgent.Tests.Chart;

/// <summary>The chart, as it lies in the checkout.</summary>
internal static class ChartFiles
{
    public static string Directory => Path.Combine(Checkout.Root, "charts/crisp");

    public static JsonObject Values => Yaml(Text("values.yaml")).AsObject();

    public static JsonObject Schema => JsonNode.Parse(Text("values.schema.json"))!.AsObject();

    public static IEnumerable<string> Templates => System.IO.Directory.EnumerateFiles(Path.Combine(Directory, "templates")).Order();

    public static string Text(string file) => File.ReadAllText(Path.Combine(Directory, file));

    /// <summary>The first document, as JSON: scalars are what YAML's core schema makes of them.</summary>
    public static JsonNode Yaml(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return Json(stream.Documents[0].RootNode)!;
    }

    private static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Select(e => KeyValuePair.Create($"{e.Key}", Json(e.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "true" or "false" } flag => flag.Value == "true",
        YamlScalarNode { Style: ScalarStyle.Plain } number when long.TryParse(number.Value, CultureInfo.InvariantCulture, out var value) => value,
        YamlScalarNode { Style: ScalarStyle.Plain, Value: "" or "null" or "~" } => null,
        YamlScalarNode text => text.Value,
        _ => throw new NotSupportedException($"{node.NodeType}"),
    };
}
