using Crisp.CriServer.Configuration;
using Crisp.CriServer.State;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Sandboxes;

/// <summary>How large the machine of a pod is: what the pod may use as a whole, or what the handler says, and the handler's overhead.</summary>
/// <param name="MemoryBytes">Whole pages of 2 MiB.</param>
internal readonly record struct MachineSize(int Vcpus, long MemoryBytes)
{
    private const long Step = 2L << 20;

    /// <param name="most">Processors of the node: more of them would only wait for each other.</param>
    public static MachineSize Of(RuntimeConfig runtime, SandboxResources resources, int most)
    {
        var limits = resources.Containers;
        var memory = Positive(limits.MemoryLimit) ?? runtime.Memory;
        return new MachineSize(Math.Clamp(Processors(limits) ?? runtime.Vcpus, 1, most), (memory + runtime.Overhead + Step - 1) / Step * Step);
    }

    public bool Fits(VmSpec machine) => Vcpus <= machine.Vcpus && MemoryBytes <= machine.MemoryBytes;

    public override string ToString() => $"{Vcpus} processors and {MemoryBytes >> 20} MiB";

    // As many as must run at once to use the quota up within its period.
    private static int? Processors(ResourcesSpec limits)
        => Positive(limits.CpuQuota) is { } quota && limits.CpuPeriod is > 0 and var period ? (int)Math.Min((quota + (long)period - 1) / (long)period, int.MaxValue) : null;

    private static long? Positive(long? limit) => limit > 0 ? limit : null;
}
