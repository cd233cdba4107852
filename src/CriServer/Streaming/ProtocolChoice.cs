namespace Crisp.CriServer.Streaming;

/// <summary>The first of a client's protocols that the server knows too.</summary>
internal static class ProtocolChoice
{
    /// <param name="header">The client's header that lists them, best first, with commas or in several lines.</param>
    /// <returns>Null when there is none.</returns>
    public static T? First<T>(IEnumerable<string?> header, IReadOnlyList<T> known, Func<T, string> name)
        where T : class
        => header
            .SelectMany(line => (line ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .Select(wanted => known.FirstOrDefault(k => name(k) == wanted))
            .FirstOrDefault(found => found is not null);
}
