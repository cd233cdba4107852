using System.Net.Http.Headers;
using Crisp.Images.Registry.Http;

namespace Crisp.Images.Registry.Auth;

/// <summary>Convinces one host: remembers what it asked for, so that the next request needs no refusal first.</summary>
/// <param name="repository">What is pulled.</param>
/// <param name="credentials">For this very host, or null.</param>
internal sealed class Authorizer(string repository, RegistryCredentials? credentials, TokenCache tokens, RequestSender sender)
{
    private volatile Answer? _answer = credentials?.RegistryToken is { } token ? new Answer(new("Bearer", token), null) : null;

    internal bool HasCredentials => credentials is not null;

    /// <summary>What the next request should carry, or null.</summary>
    internal AuthenticationHeaderValue? Header => _answer?.Header;

    /// <summary>Answers a 401.</summary>
    /// <param name="used">The header that the refused request had.</param>
    /// <returns>False when there is nothing better to say than what was refused.</returns>
    internal async Task<bool> AnswerAsync(
        Uri registry, IReadOnlyList<Challenge> challenges, AuthenticationHeaderValue? used, CancellationToken cancellation)
    {
        if (!Equals(used, Header))
        {
            // Another request of this pull has found the answer in the meantime.
            return true;
        }

        if (credentials?.RegistryToken is not null)
        {
            return false;
        }

        if (challenges.FirstOrDefault(c => c.Scheme == Challenge.Bearer && c["realm"] is not null) is { } bearer)
        {
            return await AnswerBearerAsync(registry, bearer, used, cancellation);
        }

        if (used is null && credentials?.Username is not null && challenges.Any(c => c.Scheme == Challenge.Basic))
        {
            _answer = new Answer(TokenRealm.BasicOf(credentials), null);
            return true;
        }

        return false;
    }

    private async Task<bool> AnswerBearerAsync(
        Uri registry, Challenge challenge, AuthenticationHeaderValue? used, CancellationToken cancellation)
    {
        var scope = challenge["scope"] is { Length: > 0 } given ? given : $"repository:{repository}:pull";
        var key = new TokenKey(challenge["realm"]!, challenge["service"], scope, credentials?.Fingerprint);
        if (used is not null && _answer?.Key == key && challenge["error"] == "insufficient_scope")
        {
            return false;
        }

        if (tokens.Find(key) is not { } token || Equals(used, new AuthenticationHeaderValue("Bearer", token)))
        {
            tokens.Remove(key);
            var response = await TokenRealm.AskAsync(sender, registry, key, credentials, cancellation);
            token = TokenRealm.TokenOf(response, key.Realm);
            tokens.Add(key, token, response.ExpiresIn);
        }

        var answer = new Answer(new AuthenticationHeaderValue("Bearer", token), key);
        var isNew = !Equals(used, answer.Header);
        _answer = answer;
        return isNew;
    }

    private sealed record Answer(AuthenticationHeaderValue Header, TokenKey? Key);
}
