namespace Crisp.Images;

/// <summary>A layer's bytes, wherever they come from: an archive on this node or a registry.</summary>
public sealed record LayerSource
{
    /// <summary>The digest of the archive once decompressed, from the image's config.</summary>
    public required Digest DiffId { get; init; }

    /// <summary>The digest of the bytes as they come, or null where only the diffID is known (docker archives).</summary>
    public Digest? Digest { get; init; }

    /// <summary>Bytes as they come, exactly.</summary>
    public required long Size { get; init; }

    /// <summary>
    /// Opens the bytes from their beginning; called only if the node does not have the layer. The stream is read from one
    /// thread of its own, synchronously. Reading may pause while layers beneath are unpacked.
    /// </summary>
    public required Func<CancellationToken, Task<Stream>> OpenAsync { get; init; }

    /// <summary>What progress calls it.</summary>
    public string Subject => (Digest ?? DiffId).ToString();
}
