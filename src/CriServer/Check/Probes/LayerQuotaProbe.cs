using Crisp.CriServer.Containers;

namespace Crisp.CriServer.Check.Probes;

/// <summary>Limits of writable layers: whether the filesystem of the root directory keeps project quotas.</summary>
internal static class LayerQuotaProbe
{
    private const string Name = "project quota";

    public static IEnumerable<CheckResult> Run(CheckContext context)
        => [Judge(LayerQuotas.ProblemOf(ProbeDirectory.Existing(context.Config.Root)), context.Config.WritableLayerSize is not null)];

    /// <param name="problem">Why there are none; null when there are.</param>
    /// <param name="configured">Whether the configuration has a size for every container.</param>
    internal static CheckResult Judge(string? problem, bool configured) => problem switch
    {
        null => CheckResult.Ok(Name, "writable layers can be limited"),
        _ when configured => CheckResult.Necessary(Name, problem, "crisp does not start with containers.writable_layer_size. Take it out, or change the filesystem."),
        _ => CheckResult.Missing(Name, problem, "Pods that ask for a limit of the writable layer (crisp.dev/writable-layer-size) cannot run."),
    };
}
