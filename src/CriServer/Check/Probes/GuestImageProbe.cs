using Crisp.CriServer.Configuration;
using Crisp.CriServer.Sandboxes;
using Crisp.GuestImages;

namespace Crisp.CriServer.Check.Probes;

/// <summary>VM pods: whether what their machines start is there, is this version's, and is whole.</summary>
internal static class GuestImageProbe
{
    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        var handlers = new RuntimeHandlers(context.Config);
        return handlers.Machines.Select(runtime => Judge(handlers, runtime));
    }

    private static CheckResult Judge(RuntimeHandlers handlers, RuntimeConfig runtime)
    {
        try
        {
            var image = handlers.ImageOf(runtime);
            image.Verify();
            return CheckResult.Ok("guest image", $"{runtime.Name} starts {image.KernelPath}, Linux {image.Manifest.KernelRelease}");
        }
        catch (GuestImageException e)
        {
            // The sentence ends with what to do.
            return CheckResult.Missing("guest image", e.Message, $"Pods with runtimeHandler {runtime.Name} cannot run until then.");
        }
    }
}
