using System.Text;

namespace Crisp.Images.Oci;

/// <summary>OCI image specification, config.md, "Layer ChainID": names a layer together with all beneath it.</summary>
internal static class ChainId
{
    /// <summary>The chainID of each layer, lowest first.</summary>
    internal static IReadOnlyList<Digest> Of(IReadOnlyList<Digest> diffIds)
    {
        var chain = new List<Digest>(diffIds.Count);
        foreach (var diffId in diffIds)
        {
            chain.Add(chain.Count == 0 ? diffId : Digest.Of(Encoding.ASCII.GetBytes($"{chain[^1]} {diffId}")));
        }

        return chain;
    }
}
