using Crisp.Cgroups;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Client;

/// <summary>What a container's processes use, as their own kernel counts it.</summary>
/// <param name="Limits">Those of processor and memory; null when no details were asked for.</param>
/// <param name="Processes">Null when no details were asked for.</param>
public sealed record SandboxStats(CgroupStats Usage, CgroupLimits? Limits, ProcessCounts? Processes);

public sealed partial class SandboxClient
{
    /// <param name="containerId">Empty: all containers of the pod together.</param>
    /// <param name="details">Whether the limits are read too, and the processes counted one by one: too dear to ask for each second.</param>
    public async Task<SandboxStats> StatsAsync(
        string containerId, StatsParts parts, bool details = false, CancellationToken cancellationToken = default)
    {
        Require(ProtocolVersion.VmFeature, "tell what its processes use");
        var request = new StatsRequest { ContainerId = containerId, Parts = (uint)parts, Limits = details, Processes = details };
        var response = await _connection.CallAsync(
            "Stats", request, StatsResponse.Parser, _options.CallTimeout, cancellationToken).ConfigureAwait(false);
        return StatsJson.Read(response);
    }

    /// <summary>How often the processors of the pod's virtual machine have left the guest, by reason. The monitor answers, whatever the guest does.</summary>
    /// <returns>Null: the pod is no machine, or its monitor is older than the question.</returns>
    public async Task<IReadOnlyDictionary<string, ulong>?> MachineExitsAsync(CancellationToken cancellationToken = default)
    {
        Require(ProtocolVersion.VmFeature, "tell what its machine does");
        var response = await _connection.CallAsync(
            "Stats", new StatsRequest { Machine = true }, StatsResponse.Parser, _options.CallTimeout, cancellationToken).ConfigureAwait(false);
        return response.Machine?.Exits.ToDictionary(e => e.Reason, e => e.Count);
    }
}
