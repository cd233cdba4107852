using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Steps that set capabilities(7). The inheritable set is what the ambient one needs and no more (CVE-2022-29162).</summary>
internal sealed class CapabilitySteps(PlanBuilder builder, CapabilitiesSpec spec, int lastCapability)
{
    private readonly CapabilitySet _permitted = Of(spec.Permitted);
    private readonly CapabilitySet _effective = Of(spec.Effective);
    private readonly CapabilitySet _ambient = Of(spec.Ambient);

    /// <summary>Also of what a later kernel has added: a program with set-user-id root could gain it.</summary>
    internal void LimitBoundingSet()
    {
        var bounding = Of(spec.Bounding);
        builder.Label("Limit capabilities");
        for (var capability = 0; capability <= lastCapability; capability++)
        {
            if (!bounding.Contains(capability))
            {
                builder.DropFromBoundingSet(capability);
            }
        }
    }

    /// <summary>The final sets.</summary>
    internal void Set()
    {
        builder.Label("Set capabilities").CapSet(_effective, _permitted, _ambient);
        foreach (var capability in _ambient.Numbers)
        {
            builder.RaiseAmbient(capability);
        }
    }

    /// <summary>The final sets and CAP_SYS_ADMIN.</summary>
    internal void SetWithAdministration()
    {
        var administration = CapabilitySet.Of("CAP_SYS_ADMIN");
        builder.Label("Keep CAP_SYS_ADMIN for the filter")
            .CapSet(_effective | administration, _permitted | administration, _ambient);
    }

    private static CapabilitySet Of(IReadOnlyList<string> names)
    {
        try
        {
            return CapabilitySet.Of(names);
        }
        catch (ArgumentException e)
        {
            throw new SandboxException(RpcCode.InvalidArgument, e.Message, e);
        }
    }
}
