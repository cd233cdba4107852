using Crisp.CriServer.Cdi;
using Crisp.CriServer.Hosting;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

public static partial class ContainerSpecBuilder
{
    // The OCI runtime specification would wait for ever, and with it every other start in the pod.
    private const int DefaultHookTimeout = 30;

    private static List<HookSpec> Hooks(ContainerSpecInput input) => [.. input.Cdi.Edits.Hooks.Select(Hook)];

    private static HookSpec Hook(CdiHook asked)
    {
        var phase = asked.HookName switch
        {
            "prestart" => HookPhase.Prestart,
            "createRuntime" => HookPhase.CreateRuntime,
            "createContainer" => HookPhase.CreateContainer,
            "poststart" => HookPhase.Poststart,
            "poststop" => HookPhase.Poststop,
            _ => throw Refused(
                asked,
                "it would run in the container beside a process that still has every capability, and a program in there could take that over. "
                    + "Have it run as createContainer"),
        };

        return new HookSpec(phase, asked.Path, asked.Args ?? [], asked.Env ?? [], asked.Timeout ?? DefaultHookTimeout);
    }

    private static CriException Refused(CdiHook hook, string why)
        => CriException.Invalid($"The {hook.HookName} hook {hook.Path} of a CDI device cannot be run: {why}.");
}
