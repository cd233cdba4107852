using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crisp.Images.Registry.Http;

/// <summary>What went wrong, in sentences that say what to do.</summary>
internal static class RegistryErrors
{
    private const int MaxBody = 64 * 1024;
    private const int MaxDetail = 300;

    /// <summary>From an answer that is no success.</summary>
    /// <param name="subject">What was asked for: begins the sentence.</param>
    internal static async Task<RegistryException> FromAsync(HttpResponseMessage response, string subject, CancellationToken cancellation)
    {
        var said = await DetailAsync(response, cancellation);
        var status = (int)response.StatusCode;
        return status switch
        {
            401 => new(ImageError.Unauthenticated, $"{subject} needs credentials that it accepts (401){said}"),
            403 => new(ImageError.Denied, $"{subject} is not for these credentials (403){said}"),
            404 => new(ImageError.NotFound, $"{subject} does not exist (404){said}"),
            429 => new(ImageError.RateLimited, $"{subject} is refused because of too many requests (429){said}", true, RetryAfter(response)),
            408 or >= 500 => new(ImageError.RegistryUnavailable, $"{subject} fails on the server's side ({status}){said}", true, RetryAfter(response)),
            _ => new(ImageError.BadContent, $"{subject} is answered with the status {status}, which means nothing here{said}"),
        };
    }

    /// <summary>From a connection that did not come about, or broke.</summary>
    internal static RegistryException From(HttpRequestException error, Uri url)
    {
        var host = url.Authority;
        var reason = Clean(Innermost(error).Message).TrimEnd('.');
        return error.HttpRequestError switch
        {
            HttpRequestError.NameResolutionError => new(
                ImageError.RegistryUnavailable,
                $"The host name {url.Host} cannot be resolved: {reason}. Check the image's name and the node's DNS.",
                Innermost(error) is SocketException { SocketErrorCode: SocketError.TryAgain },
                inner: error),
            HttpRequestError.SecureConnectionError => new(
                ImageError.RegistryUnavailable,
                $"There is no TLS connection to {host}: {reason}. A private authority's certificate goes into hosts.toml as ca.",
                inner: error),
            _ => new(ImageError.RegistryUnavailable, $"{host} cannot be reached: {reason}.", isTransient: true, inner: error),
        };
    }

    /// <summary>Text of strangers for our messages: one line, no control characters, not long.</summary>
    internal static string Clean(string text)
    {
        var line = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (line.Length >= MaxDetail)
            {
                return line.Append('…').ToString();
            }

            line.Append(Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.Format ? " " : rune.ToString());
        }

        return line.ToString().Trim();
    }

    private static Exception Innermost(Exception error) => error.InnerException is null ? error : Innermost(error.InnerException);

    private static TimeSpan? RetryAfter(HttpResponseMessage response)
        => response.Headers.RetryAfter is { } after
            ? after.Delta ?? (after.Date is { } date ? date - DateTimeOffset.UtcNow : null)
            : null;

    // distribution-spec, "Error Codes": {"errors":[{"code":…,"message":…}]}. Whatever else comes is shown as it is, shortened.
    private static async Task<string> DetailAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            var content = await RegistryBody.ReadAsync(response, MaxBody, "The error", cancellation);
            var errors = JsonSerializer.Deserialize(content, ErrorJson.Default.ErrorResponse)?.Errors ?? [];
            var texts = errors.OfType<ErrorEntry>().Select(e => e.Message ?? e.Code).OfType<string>().Take(3);
            return Sentence(string.Join("; ", texts));
        }
        catch (Exception error) when (error is RegistryException or JsonException)
        {
            return Sentence(response.ReasonPhrase ?? "");
        }
    }

    private static string Sentence(string detail)
    {
        var clean = Clean(detail).TrimEnd('.');
        return clean.Length == 0 ? "." : $": {clean}.";
    }
}

internal sealed record ErrorResponse(List<ErrorEntry?>? Errors);

internal sealed record ErrorEntry(string? Code, string? Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 16)]
[JsonSerializable(typeof(ErrorResponse))]
internal sealed partial class ErrorJson : JsonSerializerContext;
