using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

/// <summary>CRI IDMapping.</summary>
public static class IdMappings
{
    /// <param name="subject">Whose maps these are, for the error's sentence.</param>
    public static IReadOnlyList<IdMapSpec> From(IEnumerable<IDMapping> mappings, string subject)
    {
        var maps = mappings.Select(m => new IdMapSpec(m.ContainerId, m.HostId, m.Length)).ToList();
        foreach (var map in maps)
        {
            if (map.Length == 0 || (ulong)map.ContainerId + map.Length > uint.MaxValue || (ulong)map.HostId + map.Length > uint.MaxValue)
            {
                throw CriException.Invalid(
                    $"The id mapping {map.ContainerId}:{map.HostId}:{map.Length} of {subject} is empty or goes beyond 4294967295.");
            }
        }

        return maps;
    }
}
