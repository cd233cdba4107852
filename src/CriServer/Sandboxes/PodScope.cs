using Crisp.Cgroups;
using Crisp.Cgroups.Systemd;

namespace Crisp.CriServer.Sandboxes;

/// <summary>
/// The scope in which systemd keeps one pod. It lies in the pod's slice and is delegated: systemd makes it and changes nothing
/// below it, where <c>pod</c> has the containers' cgroups, and <c>holder</c> a process that keeps the scope alive without them.
/// </summary>
/// <remarks>
/// One scope for a pod and not one for each container, as runc has them: a scope needs a process when it is made, and goes with its
/// last one. A container's would come only at its start, and take memory.events away before the end's reason is read from it.
/// </remarks>
internal sealed record PodScope(CgroupPath Path)
{
    private const string PodName = "pod";
    private const string Prefix = "crisp-";
    private const string Suffix = ".scope";

    /// <summary>Matches every pod's.</summary>
    public const string Pattern = $"{Prefix}*{Suffix}";

    public string UnitName => Path.Name;

    /// <summary>The parent of the containers' cgroups; of a pod that is a machine, of its process's.</summary>
    public CgroupPath Pod => Path.Child(PodName);

    public CgroupPath Holder => Path.Child("holder");

    public SliceName Slice => SliceName.Parse(Path.Parent!.Value);

    public static PodScope In(SliceName slice, string sandboxId) => new(slice.Path.Child(UnitOf(sandboxId)));

    /// <summary>The scope of a pod by its cgroup; null when the pod is not in one.</summary>
    public static PodScope? Of(CgroupPath pod)
        => pod is { Name: PodName, Parent: { Parent: not null } scope } && SandboxOf(scope.Name) is not null ? new PodScope(scope) : null;

    public static string UnitOf(string sandboxId) => $"{Prefix}{sandboxId}{Suffix}";

    public static string ProcessUnitOf(string sandboxId) => $"crisp-sandbox-{sandboxId}{Suffix}";

    /// <summary>The pod whose unit it is; null when it is none.</summary>
    public static string? SandboxOf(string unit)
        => unit.StartsWith(Prefix, StringComparison.Ordinal) && unit.EndsWith(Suffix, StringComparison.Ordinal)
            ? unit[Prefix.Length..^Suffix.Length]
            : null;

    /// <summary>The unit of the pod's own process, in the daemon's slice: neither counted nor limited with the pod.</summary>
    public static ScopeUnit ProcessUnit(SliceName slice, string sandboxId, int pid)
        => new(ProcessUnitOf(sandboxId), slice, pid, $"Process of the pod {sandboxId}");
}
