using Microsoft.AspNetCore.Http.Features;

namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>From an HTTP/1.1 request to a connection that speaks SPDY/3.1.</summary>
internal static class SpdyUpgrade
{
    public const string Protocol = "SPDY/3.1";

    public const string VersionHeader = "X-Stream-Protocol-Version";

    private const string AcceptedHeader = "X-Accepted-Stream-Protocol-Versions";

    public static bool IsRequested(HttpContext context)
        => context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true }
            && context.Request.Headers.Upgrade.Any(value => string.Equals(value, Protocol, StringComparison.OrdinalIgnoreCase));

    /// <summary>Agrees on a protocol for the streams.</summary>
    /// <exception cref="StreamRefusal">There is none.</exception>
    public static T Negotiate<T>(HttpContext context, IReadOnlyList<T> known, Func<T, string> name)
        where T : class
    {
        var offered = context.Request.Headers[VersionHeader];
        if (ProtocolChoice.First(offered, known, name) is { } chosen)
        {
            context.Response.Headers[VersionHeader] = name(chosen);
            return chosen;
        }

        var names = known.Select(name).ToArray();
        context.Response.Headers[AcceptedHeader] = names;
        throw new StreamRefusal(
            StatusCodes.Status403Forbidden,
            $"None of the client's stream protocols ({offered}) is known here; {VersionHeader} must name one of {string.Join(", ", names)}.");
    }

    /// <summary>Answers 101. From here on the bytes are SPDY's.</summary>
    public static Task<Stream> UpgradeAsync(HttpContext context)
    {
        context.Response.Headers.Upgrade = Protocol;
        return context.Features.GetRequiredFeature<IHttpUpgradeFeature>().UpgradeAsync();
    }
}
