using System.Collections.Immutable;

namespace Crisp.Images.Store;

/// <summary>An image as it is on the disk, and as it is shown.</summary>
internal sealed record StoreEntry(StoredImage Stored, ImageRecord Image);

/// <summary>All images at one moment. Immutable: a change makes a new one.</summary>
/// <param name="ById">By sha256:HEX.</param>
/// <param name="ByName">Ids by canonical names, with tag or with digest.</param>
internal sealed record Snapshot(ImmutableDictionary<string, StoreEntry> ById, ImmutableDictionary<string, string> ByName)
{
    internal static Snapshot Empty { get; } = new(
        ImmutableDictionary.Create<string, StoreEntry>(StringComparer.Ordinal), ImmutableDictionary.Create<string, string>(StringComparer.Ordinal));

    internal static Snapshot Of(IEnumerable<StoreEntry> entries)
    {
        var byId = Empty.ById.ToBuilder();
        var byName = Empty.ByName.ToBuilder();
        foreach (var entry in entries.OrderBy(e => e.Stored.Revision))
        {
            byId[entry.Stored.Id] = entry;
            foreach (var name in entry.Stored.RepoTags.Concat(entry.Stored.RepoDigests))
            {
                byName[name] = entry.Stored.Id;
            }
        }

        return new Snapshot(byId.ToImmutable(), byName.ToImmutable());
    }

    /// <summary>As containerd does it: an id, then a reference, then the beginning of an id.</summary>
    internal StoreEntry? Find(string text)
    {
        var hex = text.StartsWith(Digest.Algorithm, StringComparison.Ordinal) ? text[Digest.Algorithm.Length..] : text;
        if (ById.TryGetValue(Digest.Algorithm + hex, out var exact))
        {
            return exact;
        }

        if (ImageReference.TryParse(text, out var reference) && ByName.TryGetValue(reference.RepoDigest ?? reference.RepoTag ?? "", out var id))
        {
            return ById[id];
        }

        return FindByBeginning(hex);
    }

    private StoreEntry? FindByBeginning(string hex)
    {
        if (hex.Length == 0 || !hex.All(char.IsAsciiHexDigitLower))
        {
            return null;
        }

        StoreEntry? found = null;
        foreach (var (id, entry) in ById)
        {
            if (id.AsSpan(Digest.Algorithm.Length).StartsWith(hex, StringComparison.Ordinal))
            {
                found = found is null ? entry : throw ImageException.Invalid($"\"{hex}\" begins the ids of more than one image. Give more digits.");
            }
        }

        return found;
    }
}
