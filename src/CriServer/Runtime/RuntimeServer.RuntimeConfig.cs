using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>The kubelet takes the cgroup driver from here and not from its own flag (KEP-4033).</summary>
    public override Task<RuntimeConfigResponse> RuntimeConfig(RuntimeConfigRequest request, ServerCallContext context) =>
        Task.FromResult(new RuntimeConfigResponse
        {
            Linux = new LinuxRuntimeConfiguration { CgroupDriver = DriverOf(_config.Current.CgroupDriver) },
        });

    private static CgroupDriver DriverOf(Cgroups.CgroupDriver driver)
        => driver == Cgroups.CgroupDriver.Systemd ? CgroupDriver.Systemd : CgroupDriver.Cgroupfs;
}
