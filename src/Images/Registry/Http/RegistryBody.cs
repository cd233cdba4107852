namespace Crisp.Images.Registry.Http;

/// <summary>Small bodies, whole.</summary>
internal static class RegistryBody
{
    private const int Chunk = 64 * 1024;

    /// <param name="limit">Bytes. A length beyond it is refused before anything is read, a body that has none as soon as it is too long.</param>
    /// <param name="subject">For messages.</param>
    /// <exception cref="RegistryException">It is longer, or ends early.</exception>
    internal static async Task<byte[]> ReadAsync(HttpResponseMessage response, int limit, string subject, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentLength > limit)
        {
            throw TooLong(subject, limit);
        }

        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(cancellation);
            using var content = new MemoryStream();
            var buffer = new byte[Chunk];
            for (int count; (count = await stream.ReadAsync(buffer, cancellation)) > 0;)
            {
                content.Write(buffer, 0, count);
                if (content.Length > limit)
                {
                    throw TooLong(subject, limit);
                }
            }

            return content.ToArray();
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            throw new RegistryException(
                ImageError.RegistryUnavailable, $"{subject} ended early: {error.Message}", isTransient: true, inner: error);
        }
    }

    private static RegistryException TooLong(string subject, int limit)
        => new(ImageError.BadContent, $"{subject} is longer than the {limit} bytes that it may have.");
}
