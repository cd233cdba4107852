using Crisp.Cri.V1;
using Crisp.CriServer.Cdi;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;

namespace Crisp.CriServer.Containers;

/// <summary>The CDI devices that a request asks for. Nothing but the request is looked at: no image and no checkpoint can ask for one (CVE-2026-53492).</summary>
internal static partial class ContainerDevices
{
    /// <param name="directories">Where specifications lie, as the configuration has it now.</param>
    /// <exception cref="CriException">INVALID_ARGUMENT: a device is unknown, or its specification is wrong.</exception>
    public static CdiInjection Find(IReadOnlyList<string> directories, ContainerConfig config, SandboxRecord sandbox, ILogger logger)
    {
        try
        {
            var names = CdiNames.Asked(config.CDIDevices.Select(d => d.Name), config.Annotations);
            if (sandbox.Spec.Vm is not null)
            {
                // It is refused for what the pod is, whatever the device is.
                return CdiInjection.None with { Devices = names };
            }

            var found = new CdiDirectories(directories).Resolve(names);
            foreach (var problem in found.Problems)
            {
                Log.Ignored(logger, problem);
            }

            return found;
        }
        catch (CdiException e)
        {
            throw new CriException(Grpc.Core.StatusCode.InvalidArgument, e.Message, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "{Problem} Its devices are left out", EventName = "CdiIgnored")]
        public static partial void Ignored(ILogger logger, string problem);
    }
}
