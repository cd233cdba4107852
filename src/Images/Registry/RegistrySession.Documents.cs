using System.Net.Http.Headers;
using Crisp.Images.Oci;
using Crisp.Images.Registry.Hosts;
using Crisp.Images.Registry.Http;

namespace Crisp.Images.Registry;

internal sealed partial class RegistrySession
{
    private const string DigestHeader = "Docker-Content-Digest";
    private static readonly string[] _manifestTypes =
        [MediaTypes.OciIndex, MediaTypes.DockerIndex, MediaTypes.OciManifest, MediaTypes.DockerManifest];

    /// <summary>What the image's name stands for: an index or a manifest. Its digest is checked where the name has one.</summary>
    /// <exception cref="ImageException">It cannot be had, or is not what it claims to be.</exception>
    internal Task<RegistryDocument> ResolveAsync(CancellationToken cancellation)
        => _reference.Digest is { } digest
            ? ReadManifestAsync(digest, null, cancellation)
            : ReadManifestAsync(_reference.Tag!, HostCapabilities.Resolve, $"The image {_reference}", cancellation);

    /// <summary>
    /// What the image's name stands for now, by HEAD: unlike GET, no registry counts that as a pull. Null when the first host
    /// does not say it; the GET that follows then meets the reason, and has further hosts.
    /// </summary>
    internal async Task<Digest?> ProbeAsync(CancellationToken cancellation)
    {
        var capability = _reference.Digest is null ? HostCapabilities.Resolve : HostCapabilities.Pull;
        if (_endpoints.FirstOrDefault(e => e.Host.Capabilities.HasFlag(capability)) is not { } endpoint)
        {
            return null;
        }

        try
        {
            var path = $"manifests/{_reference.Digest?.ToString() ?? _reference.Tag}";
            using var response = await endpoint.SendAsync(HttpMethod.Head, path, Accept, $"The image {_reference}", cancellation);
            return response.Headers.TryGetValues(DigestHeader, out var values) && Digest.TryParse(values.First(), out var digest) ? digest : null;
        }
        catch (RegistryException)
        {
            return null;
        }
    }

    /// <summary>A manifest or an index by its digest.</summary>
    /// <param name="size">What its descriptor says, or null.</param>
    internal async Task<RegistryDocument> ReadManifestAsync(Digest digest, long? size, CancellationToken cancellation)
    {
        var document = await ReadManifestAsync(
            digest.ToString(), HostCapabilities.Pull, $"The manifest {digest} of {_reference.Name}", cancellation);
        return size is null || size == document.Content.Length
            ? document
            : throw ImageException.Bad($"The manifest {digest} has {document.Content.Length} bytes where its index says {size}.");
    }

    /// <summary>A config, whole.</summary>
    internal Task<byte[]> ReadConfigAsync(Digest digest, CancellationToken cancellation)
    {
        var subject = $"The config {digest} of {_reference.Name}";
        return WithAnyAsync(
            HostCapabilities.Pull,
            subject,
            async (endpoint, token) =>
            {
                var content = await ReadDocumentAsync(endpoint, $"blobs/{digest}", _ => { }, OciDocuments.MaxConfig, subject, token);
                Check(digest, content.Content, $"{subject} from {endpoint.Name}");
                return content.Content;
            },
            cancellation);
    }

    private Task<RegistryDocument> ReadManifestAsync(string name, HostCapabilities capability, string subject, CancellationToken cancellation)
        => WithAnyAsync(
            capability,
            subject,
            async (endpoint, token) =>
            {
                var document = await ReadDocumentAsync(endpoint, $"manifests/{name}", Accept, OciDocuments.MaxManifest, subject, token);
                if (Digest.TryParse(name, out var wanted) || Digest.TryParse(document.ClaimedDigest, out wanted))
                {
                    Check(wanted, document.Content, $"{subject} from {endpoint.Name}");
                }

                return document;
            },
            cancellation);

    private async Task<RegistryDocument> ReadDocumentAsync(
        RegistryEndpoint endpoint,
        string path,
        Action<HttpRequestHeaders> prepare,
        int limit,
        string subject,
        CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(_options.DocumentTimeout);
        try
        {
            using var response = await endpoint.SendAsync(HttpMethod.Get, path, prepare, subject, deadline.Token);
            var content = await RegistryBody.ReadAsync(response, limit, $"{subject} from {endpoint.Name}", deadline.Token);
            response.Headers.TryGetValues(DigestHeader, out var claimed);
            return new RegistryDocument(content, response.Content.Headers.ContentType?.MediaType, claimed?.First());
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new RegistryException(
                ImageError.RegistryUnavailable,
                $"{subject} did not come from {endpoint.Name} within {_options.DocumentTimeout.TotalSeconds} s.",
                isTransient: true);
        }
    }

    private static void Accept(HttpRequestHeaders headers)
    {
        foreach (var type in _manifestTypes)
        {
            headers.TryAddWithoutValidation("Accept", type);
        }
    }

    private static void Check(Digest wanted, byte[] content, string subject)
    {
        var digest = Digest.Of(content);
        if (digest != wanted)
        {
            throw new RegistryException(ImageError.BadContent, $"{subject} has the digest {digest}, but it should have {wanted}.");
        }
    }
}

/// <summary>A manifest or an index as a registry sent it.</summary>
/// <param name="MediaType">Of the Content-Type header, or null.</param>
/// <param name="ClaimedDigest">Of Docker-Content-Digest, or null; checked where it is a digest.</param>
internal sealed record RegistryDocument(byte[] Content, string? MediaType, string? ClaimedDigest)
{
    internal Digest Digest { get; } = Digest.Of(Content);
}
