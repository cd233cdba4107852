using Crisp.CriServer.Configuration;

namespace Crisp.CriServer.CommandLine;

/// <summary>
/// Finds the container that somebody means: by id or the beginning of one, by name, or by name with pod (POD/NAME) and
/// namespace (NAMESPACE/POD/NAME).
/// </summary>
internal static class ContainerFinder
{
    private const int MostSuggestions = 3;

    /// <param name="entries">The newest first, so that of a container that was restarted the last one is meant.</param>
    /// <exception cref="CommandException">None or several are meant; the message helps to name one.</exception>
    public static ContainerEntry Find(IReadOnlyList<ContainerEntry> entries, string text)
    {
        var exact = entries.FirstOrDefault(e => e.Id == text);
        return exact ?? ByName(entries, text) ?? ByPrefix(entries, text) ?? throw Unknown(entries, text);
    }

    /// <summary>The one that was restarted as this one.</summary>
    public static ContainerEntry Previous(IReadOnlyList<ContainerEntry> entries, ContainerEntry entry) =>
        entries
            .Where(e => e.Name == entry.Name && e.Container.PodSandboxId == entry.Container.PodSandboxId)
            .Where(e => e.Container.Metadata.Attempt < entry.Container.Metadata.Attempt)
            .MaxBy(e => e.Container.Metadata.Attempt)
        ?? throw new CommandException($"{entry.FullName} was not restarted, or its previous container is removed.");

    private static ContainerEntry? ByName(IReadOnlyList<ContainerEntry> entries, string text)
    {
        var groups = entries
            .Where(e => e.Name == text || e.FullName == text || $"{e.Pod?.Metadata.Name}/{e.Name}" == text)
            .GroupBy(e => e.FullName)
            .ToList();
        if (groups.Count > 1 && groups.Where(g => g.Any(e => e.IsRunning)).ToList() is [var running])
        {
            groups = [running];
        }

        return groups switch
        {
            [] => null,
            [var one] => one.MaxBy(e => (e.IsRunning, e.Container.CreatedAt)),
            _ => throw Ambiguous("is the name of", groups.Select(g => g.First()), text),
        };
    }

    private static ContainerEntry? ByPrefix(IReadOnlyList<ContainerEntry> entries, string text)
    {
        var found = text.Length == 0 ? [] : entries.Where(e => e.Id.StartsWith(text, StringComparison.Ordinal)).ToList();
        return found.Count > 1 ? throw Ambiguous("begins the ids of", found, text) : found.FirstOrDefault();
    }

    private static CommandException Ambiguous(string what, IEnumerable<ContainerEntry> entries, string text)
    {
        var found = entries.Select(e => $"{e.FullName} ({ShortId.Of(e.Id)})").ToList();
        return new CommandException(
            $"\"{text}\" {what} {found.Count} containers: {string.Join(", ", found)}. Name one by its id or as NAMESPACE/POD/NAME.");
    }

    private static CommandException Unknown(IReadOnlyList<ContainerEntry> entries, string text)
    {
        var near = entries
            .Where(e => IsNear(text, e.Name) || IsNear(text, e.FullName))
            .Select(e => e.FullName)
            .Distinct()
            .Take(MostSuggestions)
            .ToList();
        var hint = near.Count > 0 ? $"Did you mean {string.Join(" or ", near)}?"
            : entries.Count == 0 ? "This node has no containers."
            : "crisp ps -a lists all.";
        return new CommandException($"There is no container \"{text}\". {hint}");
    }

    private static bool IsNear(string text, string name) =>
        (text.Length > 1 && name.Contains(text, StringComparison.OrdinalIgnoreCase)) || NearestName.Distance(text, name) <= Math.Max(1, text.Length / 3);
}
