using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Numbers of a user namespace and the node's numbers for them.</summary>
internal static class IdMap
{
    /// <returns>The node's id; the same without a map, null for an id that the map leaves out.</returns>
    internal static uint? ToNode(IReadOnlyList<IdMapSpec> map, uint id)
    {
        foreach (var entry in map)
        {
            if (id >= entry.ContainerId && id - entry.ContainerId < entry.Length)
            {
                return entry.HostId + (id - entry.ContainerId);
            }
        }

        return map.Count == 0 ? id : null;
    }
}
