using Crisp.Images.Oci;
using Crisp.Linux;

namespace Crisp.Images;

/// <summary>What a pull asks, so that it fetches nothing that the node has.</summary>
public sealed partial class ImageStore
{
    /// <summary>Where downloads lie until their layer is unpacked. On the store's filesystem, kept over restarts.</summary>
    internal FileDescriptor Ingest => _files.Ingest;

    /// <summary>A config or a manifest of an image that the node has, or null when it is not there as it should be.</summary>
    internal byte[]? FindBlob(Digest digest)
    {
        lock (_gate)
        {
            try
            {
                return Files.TryStatusAt(_files.Blobs, digest.Hex, out _) is null ? null : ReadBlob(digest.ToString());
            }
            catch (Exception error) when (error is ImageException or LinuxException)
            {
                // Damaged since the start. The registry has it whole.
                return null;
            }
        }
    }

    /// <summary>Which layers of an image are not here now: their places in the list. Another call may bring them in, or collect them.</summary>
    /// <param name="diffIds">Lowest first.</param>
    internal IReadOnlyList<int> MissingLayers(IReadOnlyList<Digest> diffIds)
    {
        var chain = ChainId.Of(diffIds);
        lock (_gate)
        {
            return [.. Enumerable.Range(0, diffIds.Count).Where(i => !_layers.ContainsKey(DiffName(diffIds[i])) && !_layers.ContainsKey(ChainName(chain[i])))];
        }
    }

    private static string DiffName(Digest diffId) => $"diff-{diffId.Hex}";

    private static string ChainName(Digest chainId) => $"chain-{chainId.Hex}";
}
