namespace Crisp.Images.Registry.Auth;

/// <summary>Bearer tokens until shortly before they end, for all pulls of the daemon.</summary>
internal sealed class TokenCache(TimeProvider time)
{
    // distribution, spec/auth/token.md: "for compatibility with older clients, a token should never be returned with less
    // than 60 seconds to live", and 60 where the answer says nothing.
    private const double DefaultLifetime = 60;
    private const double LongestLifetime = 24 * 3600;
    private const int MaxTokens = 1000;
    private static readonly TimeSpan _margin = TimeSpan.FromSeconds(10);
    private readonly Lock _gate = new();
    private readonly Dictionary<TokenKey, (string Token, DateTimeOffset End)> _tokens = [];

    internal string? Find(TokenKey key)
    {
        lock (_gate)
        {
            return _tokens.TryGetValue(key, out var entry) && entry.End > time.GetUtcNow() ? entry.Token : null;
        }
    }

    /// <param name="lifetime">Seconds, or null.</param>
    internal void Add(TokenKey key, string token, double? lifetime)
    {
        var seconds = lifetime is > 0 and var given ? Math.Min(given, LongestLifetime) : DefaultLifetime;
        var now = time.GetUtcNow();
        lock (_gate)
        {
            if (_tokens.Count >= MaxTokens)
            {
                Prune(now);
            }

            _tokens[key] = (token, now + TimeSpan.FromSeconds(seconds) - _margin);
        }
    }

    internal void Remove(TokenKey key)
    {
        lock (_gate)
        {
            _tokens.Remove(key);
        }
    }

    private void Prune(DateTimeOffset now)
    {
        foreach (var (key, _) in _tokens.Where(t => t.Value.End <= now).ToList())
        {
            _tokens.Remove(key);
        }

        if (_tokens.Count >= MaxTokens)
        {
            _tokens.Clear();
        }
    }
}

/// <summary>Whose token for what.</summary>
/// <param name="Credentials">Their fingerprint, or null for an anonymous token.</param>
internal sealed record TokenKey(string Realm, string? Service, string Scope, string? Credentials);
