using System.Text;
using Microsoft.AspNetCore.Http;

namespace Crisp.Images.Tests.Registry.Auth;

/// <summary>A registry that wants bearer tokens, and the realm that gives them, in one server.</summary>
internal sealed class TokenService
{
    private readonly FakeRegistry _registry;
    private readonly HashSet<string> _tokens = [];
    private int _count;

    public TokenService(FakeRegistry registry, FakeRegistry? realm = null)
    {
        _registry = registry;
        Realm = $"{(realm ?? registry).Url}token?x=1";
        registry.Gate = AnswerAsync;
        if (realm is not null)
        {
            realm.Gate = AnswerAsync;
        }
    }

    public string Realm { get; set; }

    /// <summary>Seconds that a token lives, or null to say nothing about it.</summary>
    public int? Lifetime { get; set; } = 300;

    /// <summary>user:password or a refresh token that it gives tokens for; null for everybody.</summary>
    public string? Secret { get; set; }

    /// <summary>Every token that was given becomes worthless.</summary>
    public void Revoke() => _tokens.Clear();

    public int Asked => _count;

    private async Task<bool> AnswerAsync(HttpContext context)
    {
        if (context.Request.Path == "/token")
        {
            await GiveAsync(context);
            return true;
        }

        var authorization = context.Request.Headers.Authorization.ToString();
        if (authorization.StartsWith("Bearer ", StringComparison.Ordinal) && _tokens.Contains(authorization[7..]))
        {
            return false;
        }

        context.Response.StatusCode = 401;
        context.Response.Headers.WWWAuthenticate = $"Bearer realm=\"{Realm}\",service=\"{_registry.Name}\",scope=\"repository:app:pull\"";
        await context.Response.WriteAsync("""{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}""");
        return true;
    }

    private async Task GiveAsync(HttpContext context)
    {
        Interlocked.Increment(ref _count);
        var request = context.Request;
        var offered = request.Method == "POST"
            ? (await request.ReadFormAsync())["refresh_token"].ToString()
            : request.Headers.Authorization.ToString() is { Length: > 6 } basic ? Encoding.UTF8.GetString(Convert.FromBase64String(basic[6..])) : null;
        if (Secret is not null && offered != Secret)
        {
            context.Response.StatusCode = 401;
            return;
        }

        var scope = request.Method == "POST" ? request.Form["scope"].ToString() : request.Query["scope"].ToString();
        if (scope != "repository:app:pull")
        {
            context.Response.StatusCode = 400;
            return;
        }

        var token = $"token-{_count}";
        _tokens.Add(token);
        var lifetime = Lifetime is null ? "" : $",\"expires_in\":{Lifetime}";
        await context.Response.WriteAsync(
            request.Method == "POST" ? $$"""{"access_token":"{{token}}"{{lifetime}}}""" : $$"""{"token":"{{token}}"{{lifetime}}}""");
    }
}
