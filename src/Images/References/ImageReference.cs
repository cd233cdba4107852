using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Crisp.Images;

/// <summary>
/// A name of an image in the grammar of Docker and the OCI distribution specification, completed as Docker does it:
/// <c>busybox</c> is <c>docker.io/library/busybox:latest</c>.
/// </summary>
/// <param name="Registry">Host with an optional port.</param>
/// <param name="Repository">The path on the registry.</param>
/// <param name="Tag">Null when a digest alone was given.</param>
/// <param name="Digest">The manifest's digest, or null. Where it is given it decides, and the tag is only for people.</param>
public sealed partial record ImageReference(string Registry, string Repository, string? Tag, Digest? Digest)
{
    private const string DefaultRegistry = "docker.io";
    private const string LegacyRegistry = "index.docker.io";
    private const string OfficialPrefix = "library/";
    private const string DefaultTag = "latest";

    // distribution/reference: the name without tag and digest.
    private const int MaxName = 255;

    /// <summary>Registry and repository: docker.io/library/busybox.</summary>
    public string Name => $"{Registry}/{Repository}";

    /// <summary>The form of CRI's repo_tags, or null without a tag.</summary>
    public string? RepoTag => Tag is null ? null : $"{Name}:{Tag}";

    /// <summary>The form of CRI's repo_digests, or null without a digest.</summary>
    public string? RepoDigest => Digest is null ? null : $"{Name}@{Digest}";

    /// <exception cref="ImageException">The text is no reference; the message says why.</exception>
    public static ImageReference Parse(string text)
        => TryParse(text, out var reference, out var problem)
            ? reference
            : throw ImageException.Invalid($"\"{Shorten(text)}\" is not an image reference: {problem}.");

    public static bool TryParse(string? text, [NotNullWhen(true)] out ImageReference? reference)
        => TryParse(text, out reference, out _);

    public override string ToString() => $"{Name}{(Tag is null ? "" : $":{Tag}")}{(Digest is null ? "" : $"@{Digest}")}";

    private static bool TryParse(
        string? text, [NotNullWhen(true)] out ImageReference? reference, [NotNullWhen(false)] out string? problem)
    {
        reference = null;
        problem = null;
        if (string.IsNullOrEmpty(text))
        {
            problem = "it is empty";
            return false;
        }

        var rest = text;
        Digest? digest = null;
        var at = rest.IndexOf('@', StringComparison.Ordinal);
        if (at >= 0)
        {
            if (!Digest.TryParse(rest[(at + 1)..], out digest))
            {
                problem = "what follows @ is not sha256:<64 lower-case hexadecimal digits>";
                return false;
            }

            rest = rest[..at];
        }

        // A colon after the last slash starts a tag; one before it belongs to the registry's port.
        string? tag = null;
        var colon = rest.LastIndexOf(':');
        if (colon > rest.LastIndexOf('/'))
        {
            tag = rest[(colon + 1)..];
            rest = rest[..colon];
            if (tag.Length > 128 || !TagPattern().IsMatch(tag))
            {
                problem = "a tag has 1 to 128 letters, digits, underscores, periods and dashes and starts with none of the last two";
                return false;
            }
        }

        if (Digest.IsHex(rest))
        {
            problem = "64 hexadecimal digits are an image id, not a repository";
            return false;
        }

        var (registry, repository) = Split(rest);
        if (registry.Length + 1 + repository.Length > MaxName)
        {
            problem = $"the name is longer than {MaxName} characters";
            return false;
        }

        if (!RegistryPattern().IsMatch(registry))
        {
            problem = $"\"{Shorten(registry)}\" is not a registry's host name";
            return false;
        }

        if (!RepositoryPattern().IsMatch(repository))
        {
            problem = repository.Any(char.IsAsciiLetterUpper)
                ? "a repository's name must be lower-case"
                : $"\"{Shorten(repository)}\" is not a repository's name";
            return false;
        }

        reference = new ImageReference(registry, repository, tag ?? (digest is null ? DefaultTag : null), digest);
        return true;
    }

    // distribution/reference, splitDockerDomain: the first part is a registry when it looks like a host.
    private static (string Registry, string Repository) Split(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : name[..slash];
        var isHost = slash >= 0
            && (first.AsSpan().ContainsAny('.', ':') || first == "localhost" || first.Any(char.IsAsciiLetterUpper));
        var registry = isHost ? first : DefaultRegistry;
        var repository = isHost ? name[(slash + 1)..] : name;
        if (registry == LegacyRegistry)
        {
            registry = DefaultRegistry;
        }

        return registry == DefaultRegistry && !repository.Contains('/', StringComparison.Ordinal)
            ? (registry, OfficialPrefix + repository)
            : (registry, repository);
    }

    private static string Shorten(string text) => text.Length <= 80 ? text : $"{text[..80]}…";

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]*\z")]
    private static partial Regex TagPattern();

    [GeneratedRegex(@"^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?\z")]
    private static partial Regex RegistryPattern();

    [GeneratedRegex(@"^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*\z")]
    private static partial Regex RepositoryPattern();
}
