using Crisp.Cgroups;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void Stats(Call call, StatsRequest request)
    {
        _pod.RequireStarted();
        var container = request.ContainerId.Length > 0 ? Find(request.ContainerId) : null;
        var (cgroup, pid) = (container?.Cgroup ?? _pod.Cgroup!, container?.Pid ?? 0);
        _pod.Cgroups.Run(
            () => StatsJson.Write(new SandboxStats(
                cgroup.Stats((StatsParts)request.Parts & StatsParts.All),
                request.Limits ? cgroup.ReadLimits() : null,
                request.Processes ? ProcessCounter.Count(cgroup, pid) : null)),
            call.Answer,
            call.Fail);
    }
}
