using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Crisp.Images.Registry.Http;
using Crisp.Images.Registry.Hosts;

namespace Crisp.Images.Registry.Auth;

/// <summary>Gets bearer tokens from the realm that a registry named (distribution, spec/auth/token.md and oauth.md).</summary>
internal static class TokenRealm
{
    private const int MaxAnswer = 1 << 20;
    private const string ClientId = "crisp";

    /// <param name="registry">Who named the realm, for messages and for the rule about plain HTTP.</param>
    /// <param name="credentials">Null for an anonymous token.</param>
    /// <exception cref="RegistryException">The realm gives none.</exception>
    internal static async Task<TokenResponse> AskAsync(
        RequestSender sender, Uri registry, TokenKey key, RegistryCredentials? credentials, CancellationToken cancellation)
    {
        var realm = Address(registry, key.Realm, credentials is not null);
        using var response = await sender.SendAsync(() => Request(realm, key, credentials), cancellation);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw await RegistryErrors.FromAsync(response, $"The token service {realm.Authority} of {registry.Authority}", cancellation);
        }

        var content = await RegistryBody.ReadAsync(response, MaxAnswer, $"The answer of the token service {realm.Authority}", cancellation);
        return Parse(content, realm);
    }

    internal static string TokenOf(TokenResponse response, string realm)
    {
        var token = string.IsNullOrEmpty(response.Token) ? response.AccessToken : response.Token;
        // A line break in it would be a header of the realm's choice in our request to the registry.
        return !string.IsNullOrEmpty(token) && token.All(c => c is > ' ' and < '\u007f')
            ? token
            : throw new RegistryException(ImageError.BadContent, $"The token service {realm} answered with something that is no token.");
    }

    private static Uri Address(Uri registry, string realm, bool hasCredentials)
    {
        if (!Uri.TryCreate(realm, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw new RegistryException(ImageError.BadContent, $"{registry.Authority} names a token service that is no URL.");
        }

        // The registry could as well keep the credentials itself, but nobody on the way shall read them.
        return url.Scheme == "https" || registry.Scheme == "http" || DefaultHost.IsLoopback(url) || !hasCredentials
            ? url
            : throw new RegistryException(
                ImageError.Denied,
                $"{registry.Authority} wants the credentials sent to {url.Authority} without TLS. They were not sent.");
    }

    private static HttpRequestMessage Request(Uri realm, TokenKey key, RegistryCredentials? credentials)
    {
        if (credentials?.IdentityToken is { } refresh)
        {
            var form = new List<KeyValuePair<string, string>>
            {
                new("grant_type", "refresh_token"), new("client_id", ClientId), new("refresh_token", refresh), new("scope", key.Scope),
            };
            if (key.Service is not null)
            {
                form.Add(new("service", key.Service));
            }

            return new HttpRequestMessage(HttpMethod.Post, realm) { Content = new FormUrlEncodedContent(form) };
        }

        var query = new StringBuilder(realm.Query.Length > 1 ? $"{realm.Query}&" : "?");
        query.Append("scope=").Append(Uri.EscapeDataString(key.Scope));
        if (key.Service is not null)
        {
            query.Append("&service=").Append(Uri.EscapeDataString(key.Service));
        }

        var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        if (credentials?.Username is not null)
        {
            request.Headers.Authorization = BasicOf(credentials);
        }

        return request;
    }

    internal static AuthenticationHeaderValue BasicOf(RegistryCredentials credentials)
        => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credentials.Username}:{credentials.Password}")));

    private static TokenResponse Parse(byte[] content, Uri realm)
    {
        try
        {
            return JsonSerializer.Deserialize(content, TokenJson.Default.TokenResponse) ?? new TokenResponse();
        }
        catch (JsonException error)
        {
            throw new RegistryException(
                ImageError.BadContent, $"The token service {realm.Authority} answered with something that is not JSON: {error.Message}", inner: error);
        }
    }
}
