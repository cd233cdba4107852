using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using Crisp.Images.Registry.Hosts;
using Crisp.Images.Registry.Http;

namespace Crisp.Images.Registry;

internal sealed partial class RegistrySession
{
    // Less than that from a connection is no progress: a registry that sends one byte and hangs up would keep us for ever.
    private const int LeastProgress = 64 * 1024;
    private const int BufferSize = 256 * 1024;

    /// <summary>
    /// Downloads a blob from where the last try stopped to its end, over as many connections and hosts as it takes. Tries
    /// count from anew after each that brought something. The digest is for the caller to check.
    /// </summary>
    /// <param name="size">Bytes of the whole blob.</param>
    /// <param name="sink">Takes the bytes in order; what it has is not asked for again.</param>
    internal async Task DownloadAsync(Digest digest, long size, IBlobSink sink, CancellationToken cancellation)
    {
        var subject = $"The layer {digest} of {_reference.Name}";
        while (sink.Length < size)
        {
            await WithAnyAsync(
                HostCapabilities.Pull,
                subject,
                async (endpoint, token) =>
                {
                    await DownloadAsync(endpoint, digest, size, sink, subject, token);
                    return true;
                },
                cancellation);
        }
    }

    /// <summary>One connection. Returns at the blob's end, or when it broke after having brought something.</summary>
    private async Task DownloadAsync(
        RegistryEndpoint endpoint, Digest digest, long size, IBlobSink sink, string subject, CancellationToken cancellation)
    {
        var from = sink.Length;
        using var response = await endpoint.SendAsync(
            HttpMethod.Get,
            $"blobs/{digest}",
            headers => headers.Range = from == 0 ? null : new RangeHeaderValue(from, null),
            subject,
            cancellation);
        var skip = BytesToSkip(response, from, size, $"{subject} from {endpoint.Name}");
        try
        {
            await CopyAsync(response, skip, size, sink, $"{subject} from {endpoint.Name}", cancellation);
        }
        catch (RegistryException error) when (error.IsTransient && sink.Length - from >= LeastProgress)
        {
            // The next connection goes on from here.
        }
    }

    // Content has its digest as its name, so that no If-Range is needed: what changed in between would not have it.
    private static long BytesToSkip(HttpResponseMessage response, long from, long size, string subject)
    {
        var content = response.Content.Headers;
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            if (content.ContentRange is { Unit: "bytes" } range && range.From == from && (range.Length ?? size) == size)
            {
                return 0;
            }

            throw new RegistryException(ImageError.BadContent, $"{subject} is answered with a part that nobody asked for: {content.ContentRange}.");
        }

        // The range was ignored, and everything comes once more.
        return content.ContentLength is null || content.ContentLength == size
            ? from
            : throw new RegistryException(
                ImageError.BadContent, $"{subject} has {content.ContentLength} bytes where the manifest says {size}.");
    }

    private async Task CopyAsync(
        HttpResponseMessage response, long skip, long size, IBlobSink sink, string subject, CancellationToken cancellation)
    {
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(cancellation);
            while (sink.Length < size)
            {
                stall.CancelAfter(_options.ProgressTimeout);
                var count = await stream.ReadAsync(buffer, stall.Token);
                if (count == 0)
                {
                    break;
                }

                var skipped = (int)Math.Min(skip, count);
                skip -= skipped;
                if (sink.Length + count - skipped > size)
                {
                    throw new RegistryException(ImageError.BadContent, $"{subject} has more than the {size} bytes that the manifest says.");
                }

                sink.Append(buffer.AsSpan(skipped, count - skipped));
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RegistryException(
                ImageError.RegistryUnavailable,
                $"{subject} stopped coming: not a byte for {_options.ProgressTimeout.TotalSeconds} s.",
                isTransient: true);
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            throw new RegistryException(
                ImageError.RegistryUnavailable, $"{subject} broke off: {RegistryErrors.Clean(error.Message)}", isTransient: true, inner: error);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (sink.Length < size)
        {
            throw new RegistryException(
                ImageError.RegistryUnavailable, $"{subject} ended after {sink.Length} of {size} bytes.", isTransient: true);
        }
    }
}

/// <summary>Takes a blob's bytes in order.</summary>
internal interface IBlobSink
{
    /// <summary>Bytes that it has.</summary>
    public long Length { get; }

    /// <exception cref="Crisp.Linux.LinuxException">The disk is full.</exception>
    public void Append(ReadOnlySpan<byte> content);
}
