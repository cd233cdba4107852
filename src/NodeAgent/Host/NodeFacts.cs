using Crisp.Install.Host;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crisp.NodeAgent.Host;

/// <summary>What <c>crisp check --output json</c> has found on this node.</summary>
/// <param name="Version">Of the crisp that looked.</param>
/// <param name="Usable">Whether pods can run here.</param>
internal sealed record NodeFacts(string Version, bool Usable, IReadOnlyList<NodeFact> Checks)
{
    /// <exception cref="HostException">It is no such document.</exception>
    public static NodeFacts Parse(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, NodeFactsJson.Default.NodeFacts) is { Version: not null, Checks: not null } facts
                ? facts
                : throw new HostException("crisp check printed no document with version and checks.");
        }
        catch (JsonException e)
        {
            throw new HostException($"crisp check printed what is no JSON: {e.Message}", e);
        }
    }

    public bool IsOk(string name) => Checks.Any(c => c.Name == name) && Checks.Where(c => c.Name == name).All(c => c.State == "Ok");

    public string? Found(string name) => Checks.FirstOrDefault(c => c.Name == name)?.Found;

    /// <summary>What pods cannot do without and this node lacks, as one sentence.</summary>
    public string Lack() => string.Join(" ", Checks.Where(c => c is { State: "Missing", IsNecessary: true }).Select(c => $"{c.Name}: {c.Found}. {c.Advice}"));
}

/// <param name="State">Ok, Warning or Missing.</param>
internal sealed record NodeFact(string Name, string State, string Found, string? Advice, bool IsNecessary);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NodeFacts))]
internal sealed partial class NodeFactsJson : JsonSerializerContext;
