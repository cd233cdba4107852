using System.Net.Http.Headers;

namespace Crisp.Images.Registry.Auth;

/// <summary>How a registry wants to be convinced: one challenge of WWW-Authenticate (RFC 9110, 11.6.1).</summary>
/// <param name="Scheme">Lower-case: basic, bearer.</param>
/// <param name="Parameters">By lower-case names.</param>
internal sealed record Challenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    internal const string Basic = "basic";
    internal const string Bearer = "bearer";

    internal string? this[string parameter] => Parameters.GetValueOrDefault(parameter);

    /// <summary>All challenges; what is malformed is left out, as if the registry had not said it.</summary>
    internal static IReadOnlyList<Challenge> Parse(HttpHeaderValueCollection<AuthenticationHeaderValue> headers)
        => [.. headers.Select(h => new Challenge(h.Scheme.ToLowerInvariant(), Parse(h.Parameter ?? "")))];

    /// <summary>name=token and name="text", separated by commas.</summary>
    internal static IReadOnlyDictionary<string, string> Parse(string text)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        var rest = text.AsSpan();
        while (true)
        {
            rest = rest.TrimStart(", \t");
            var equals = rest.IndexOf('=');
            if (equals <= 0)
            {
                return parameters;
            }

            var name = rest[..equals].Trim().ToString().ToLowerInvariant();
            rest = rest[(equals + 1)..].TrimStart();
            parameters[name] = rest.StartsWith('"') ? Quoted(ref rest) : Token(ref rest);
        }
    }

    private static string Token(ref ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOfAny(", \t");
        var token = end < 0 ? rest : rest[..end];
        rest = rest[token.Length..];
        return token.ToString();
    }

    private static string Quoted(ref ReadOnlySpan<char> rest)
    {
        var value = new System.Text.StringBuilder();
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] == '"')
            {
                rest = rest[(i + 1)..];
                return value.ToString();
            }

            // quoted-pair
            if (rest[i] == '\\' && i + 1 < rest.Length)
            {
                i++;
            }

            value.Append(rest[i]);
        }

        rest = [];
        return value.ToString();
    }
}
