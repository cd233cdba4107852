namespace Crisp.CriServer.State;

/// <summary>CRI label_selector: every pair must be there, with this value.</summary>
public static class Labels
{
    public static bool Match(IEnumerable<KeyValuePair<string, string>> selector, IReadOnlyDictionary<string, string> labels)
        => selector.All(pair => labels.TryGetValue(pair.Key, out var value) && value == pair.Value);
}
