using Crisp.Images;

namespace Crisp.CriServer.Images;

/// <summary>Which images the kubelet's garbage collection must leave alone.</summary>
/// <param name="references">Names or ids, as the configuration has them.</param>
internal sealed class PinnedImages(IReadOnlyList<string> references)
{
    private readonly HashSet<string> _names = [.. references.Select(Canonical)];

    public bool Contains(ImageRecord image)
        => _names.Contains(image.Id) || image.RepoTags.Any(_names.Contains) || image.RepoDigests.Any(_names.Contains);

    private static string Canonical(string reference)
        => ImageReference.TryParse(reference, out var parsed) ? parsed.RepoDigest ?? parsed.ToString()
            : reference.StartsWith(Digest.Algorithm, StringComparison.Ordinal) ? reference : Digest.Algorithm + reference;
}
