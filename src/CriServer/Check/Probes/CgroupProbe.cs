using Crisp.Cgroups;
using Crisp.Cgroups.Systemd;

namespace Crisp.CriServer.Check.Probes;

/// <summary>Cgroups: one is made, limited and removed.</summary>
internal static class CgroupProbe
{
    private static readonly string[] _necessary = ["cpu", "memory", "pids"];
    private static readonly string[] _optional = ["cpuset", "hugetlb", "io"];
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        try
        {
            var manager = CgroupManager.Detect();
            return [.. Judge(manager.Facts), Driver(context.Config.CgroupDriver), Try(manager)];
        }
        catch (CgroupUnsupportedException e)
        {
            return [CheckResult.Necessary("cgroups", "no hierarchy is mounted", e.Message)];
        }
    }

    internal static IEnumerable<CheckResult> Judge(CgroupFacts facts)
    {
        yield return facts.Version == CgroupVersion.V2
            ? CheckResult.Ok("cgroups", "v2")
            : CheckResult.Warning(
                "cgroups",
                facts.Hybrid ? "v1, with a v2 tree beside it" : "v1",
                "Kubelets from 1.35 on refuse v1 by default. Boot with systemd.unified_cgroup_hierarchy=1 for v2.");

        var lacking = _necessary.Where(c => !facts.Has(c)).ToList();
        yield return lacking.Count == 0
            ? CheckResult.Ok("cgroup controllers", string.Join(", ", facts.Controllers))
            : CheckResult.Necessary(
                "cgroup controllers",
                $"without {string.Join(", ", lacking)}",
                facts.Version == CgroupVersion.V2
                    ? "Delegate them to the daemon (cgroup.subtree_control, systemd's Delegate=yes), or boot with cgroup_enable=memory."
                    : "Mount their hierarchies, or boot with cgroup_enable=memory.");

        var wanted = _optional.Where(c => !facts.Has(c)).ToList();
        if (wanted.Count > 0)
        {
            yield return CheckResult.Warning(
                "optional controllers", $"without {string.Join(", ", wanted)}", "Pods that ask for such limits are refused. The others run.");
        }

        if (!facts.AtomicKill)
        {
            yield return CheckResult.Warning(
                "cgroup.kill", "not there", "Pods are killed by freezing them first, which takes longer. Cgroup v2 of Linux 5.14 has it.");
        }

        if (!facts.Pressure)
        {
            yield return CheckResult.Warning(
                "pressure (PSI)", "not reported per cgroup", "Statistics of pods lack it. It needs cgroup v2 and the boot parameter psi=1.");
        }
    }

    /// <summary>systemd is asked for its version, so that the way to it is tried too.</summary>
    internal static CheckResult Driver(CgroupDriver driver)
    {
        if (driver == CgroupDriver.Cgroupfs)
        {
            return CheckResult.Ok("cgroup driver", "cgroupfs");
        }

        if (SystemdUnits.Problem is { } problem)
        {
            return CheckResult.Necessary("cgroup driver", "systemd, which cannot be asked", problem);
        }

        try
        {
            return CheckResult.Ok("cgroup driver", $"systemd, version {new SystemdUnits().Version()}");
        }
        catch (SystemdException e)
        {
            return CheckResult.Necessary("cgroup driver", e.Message, "See systemctl status dbus, or set cgroup_driver = \"cgroupfs\".");
        }
    }

    private static CheckResult Try(ICgroupManager manager)
    {
        var cgroup = manager.Create(CgroupPath.Parse($"crisp-check-{Guid.NewGuid():N}"));
        try
        {
            cgroup.Apply(new CgroupLimits { PidsLimit = 16, MemoryLimit = 64 << 20, CpuShares = 256 });
            cgroup.SetDeviceRules([]);
            return CheckResult.Ok("cgroup limits", "a cgroup with limits and a device filter was made and removed");
        }
        catch (Exception e) when (e is CgroupException or CgroupUnsupportedException or Linux.LinuxException)
        {
            return CheckResult.Necessary("cgroup limits", e.Message, "The daemon needs its own writable cgroup tree; see whether /sys/fs/cgroup is read-only.");
        }
        finally
        {
            cgroup.Remove(_patience);
        }
    }
}
