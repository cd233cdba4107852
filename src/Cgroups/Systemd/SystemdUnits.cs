using System.Diagnostics;
using Crisp.Linux;

namespace Crisp.Cgroups.Systemd;

/// <summary>
/// Asks the machine's systemd for units (org.freedesktop.systemd1(5)). Each request has a connection of its own: a bus allows
/// root some hundred at once, and what the daemon asks for is seconds apart. For any threads.
/// </summary>
/// <remarks>Every method throws <see cref="SystemdException"/>.</remarks>
/// <param name="address">Of a manager that listens by itself; null for the machine's.</param>
/// <param name="deadline">How long systemd may take for an answer, and again for a job's end.</param>
public sealed class SystemdUnits(string? address, TimeSpan deadline)
{
    private const string Service = "org.freedesktop.systemd1";
    private const string ManagerPath = "/org/freedesktop/systemd1";
    private const string Manager = "org.freedesktop.systemd1.Manager";
    private const string Properties = "org.freedesktop.DBus.Properties";
    private const string UnitExists = "org.freedesktop.systemd1.UnitExists";
    private const string NoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

    // Where systemctl finds process 1 when no message bus runs (systemd(1), FILES).
    private const string PrivateAddress = "unix:path=/run/systemd/private";
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(30);

    /// <summary>The machine's own systemd.</summary>
    public SystemdUnits()
        : this(address: null, s_deadline)
    {
    }

    /// <summary>Whether systemd is process 1 of this machine (sd_booted(3)).</summary>
    public static bool IsBooted => Directory.Exists("/run/systemd/system");

    /// <summary>Why systemd cannot be asked on this machine, as a sentence; null when it can.</summary>
    public static string? Problem
    {
        get
        {
            if (!IsBooted)
            {
                return "The systemd cgroup driver needs systemd as process 1, and this machine was not started by it (/run/systemd/system "
                    + "is missing). Set cgroup_driver = \"cgroupfs\", and the kubelet's cgroupDriver alike.";
            }

            return BusConnection.IsAvailable
                ? null
                : $"The systemd cgroup driver needs the library {BusConnection.Library}, which is not installed (Debian: libsystemd0, Fedora: "
                    + "systemd-libs). Install it, or set cgroup_driver = \"cgroupfs\", and the kubelet's cgroupDriver alike.";
        }
    }

    /// <summary>systemd's version, for example <c>257.8-1~deb13u2</c>.</summary>
    public string Version()
        => Asked("systemd's version cannot be read", () =>
        {
            using var bus = Connect();
            using var call = bus.NewCall(Service, ManagerPath, Properties, "Get").Append(Manager).Append("Version");
            using var answer = bus.Call(call, deadline);
            answer.Enter('v', "s");
            return answer.ReadString();
        });

    /// <summary>
    /// Puts a process into a new scope whose cgroup is delegated: below it systemd changes nothing. Waits until that is done.
    /// </summary>
    public void StartScope(ScopeUnit unit)
    {
        Asked($"The unit {unit.Name} cannot be started", () =>
        {
            using var bus = ConnectForJobs();
            string job;
            try
            {
                job = StartTransientUnit(bus, unit);
            }
            catch (BusException e) when (e.Error == UnitExists)
            {
                // One that failed keeps its name until somebody has taken note of it.
                CallUnit(bus, "ResetFailedUnit", unit.Name);
                job = StartTransientUnit(bus, unit);
            }

            WaitForJob(bus, job, unit.Name, "started");
        });
    }

    /// <summary>Stops a unit with its processes and waits for it. Idempotent.</summary>
    public void Stop(string name)
    {
        Asked($"The unit {name} cannot be stopped", () =>
        {
            using var bus = ConnectForJobs();
            using var call = bus.NewCall(Service, ManagerPath, Manager, "StopUnit").Append(name).Append("replace");
            string job;
            try
            {
                using var answer = bus.Call(call, deadline);
                job = answer.ReadString('o');
            }
            catch (BusException e) when (e.Error == NoSuchUnit)
            {
                return;
            }

            WaitForJob(bus, job, name, "stopped");
        });
    }

    /// <summary>SIGKILL for every process of a unit. Idempotent.</summary>
    public void Kill(string name)
    {
        Asked($"The processes of the unit {name} cannot be killed", () =>
        {
            using var bus = Connect();
            using var call = bus.NewCall(Service, ManagerPath, Manager, "KillUnit").Append(name).Append("all").Append(Signals.Kill);
            try
            {
                bus.Call(call, deadline).Dispose();
            }
            catch (BusException e) when (e.Error is NoSuchUnit or "org.freedesktop.systemd1.NoSuchProcess")
            {
                // It has ended meanwhile.
            }
        });
    }

    /// <summary>Where a scope's cgroup lies; null when there is no such unit, or it has none.</summary>
    public CgroupPath? ControlGroupOf(string scope)
        => Asked($"The cgroup of the unit {scope} cannot be read", () =>
        {
            using var bus = Connect();
            try
            {
                using var find = bus.NewCall(Service, ManagerPath, Manager, "GetUnit").Append(scope);
                using var found = bus.Call(find, deadline);
                using var call = bus.NewCall(Service, found.ReadString('o'), Properties, "Get").Append("org.freedesktop.systemd1.Scope").Append("ControlGroup");
                using var answer = bus.Call(call, deadline);
                answer.Enter('v', "s");
                return answer.ReadString() is { Length: > 1 } path ? CgroupPath.Parse(path) : null;
            }
            catch (BusException e) when (e.Error is NoSuchUnit or "org.freedesktop.DBus.Error.UnknownObject")
            {
                // It may go between the two calls.
                return null;
            }
        });

    /// <summary>The loaded units whose name matches, with their descriptions.</summary>
    /// <param name="pattern">As of glob(7): <c>crisp-*.scope</c>.</param>
    public IReadOnlyList<(string Name, string Description)> List(string pattern)
        => Asked("systemd's units cannot be listed", () =>
        {
            using var bus = Connect();
            using var call = bus.NewCall(Service, ManagerPath, Manager, "ListUnitsByPatterns")
                .Begin('a', "s").End()
                .Begin('a', "s").Append(pattern).End();
            using var answer = bus.Call(call, deadline);
            var units = new List<(string, string)>();
            answer.Enter('a', "(ssssssouso)");
            while (answer.Enter('r', "ssssssouso"))
            {
                units.Add((answer.ReadString(), answer.ReadString()));
                answer.Skip("ssssouso");
                answer.Exit();
            }

            return units;
        });

    private string StartTransientUnit(BusConnection bus, ScopeUnit unit)
    {
        using var call = bus.NewCall(Service, ManagerPath, Manager, "StartTransientUnit").Append(unit.Name).Append("fail");
        call.Begin('a', "(sv)");
        Property(call, "Description", "s").Append(unit.Description).End().End();
        Property(call, "Slice", "s").Append(unit.Slice.Name).End().End();
        Property(call, "PIDs", "au").Begin('a', "u").Append((uint)unit.Pid).End().End().End();
        Property(call, "Delegate", "b").Append(true).End().End();

        // Else systemd's DefaultTasksMax, 15 % of the machine's, limits every pod (systemd-system.conf(5)).
        Property(call, "TasksMax", "t").Append(ulong.MaxValue).End().End();

        // Else every pod is stopped the moment that a shutdown begins; so they end with their slice (systemd.scope(5)).
        Property(call, "DefaultDependencies", "b").Append(false).End().End();

        // Else a scope that failed stays until somebody resets it (systemd.unit(5)).
        Property(call, "CollectMode", "s").Append("inactive-or-failed").End().End();
        call.End().Begin('a', "(sa(sv))").End();
        using var answer = bus.Call(call, deadline);
        return answer.ReadString('o');
    }

    /// <summary>Begins a property, to be closed twice.</summary>
    private static BusMessage Property(BusMessage message, string name, string type) => message.Begin('r', "sv").Append(name).Begin('v', type);

    private void CallUnit(BusConnection bus, string member, string name)
    {
        using var call = bus.NewCall(Service, ManagerPath, Manager, member).Append(name);
        bus.Call(call, deadline).Dispose();
    }

    private static T Asked<T>(string failure, Func<T> ask)
    {
        try
        {
            return ask();
        }
        catch (BusException e)
        {
            throw new SystemdException($"{failure}: {e.Message}", e);
        }
    }

    private static void Asked(string failure, Action ask) => Asked(failure, () =>
    {
        ask();
        return true;
    });

    private BusConnection Connect()
    {
        if (address is not null)
        {
            return BusConnection.Open(address);
        }

        try
        {
            return BusConnection.OpenSystem();
        }
        catch (BusException)
        {
            // A minimal system has no message bus; systemd itself listens all the same.
            return BusConnection.Open(PrivateAddress);
        }
    }

    /// <summary>A connection that gets JobRemoved, whose signal may come before the answer that names the job.</summary>
    private BusConnection ConnectForJobs()
    {
        var bus = Connect();
        try
        {
            if (bus.IsMessageBus)
            {
                const string Rule = $"type='signal',sender='{Service}',path='{ManagerPath}',interface='{Manager}',member='JobRemoved'";
                using var match = bus.NewCall("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch").Append(Rule);
                bus.Call(match, deadline).Dispose();
                using var subscribe = bus.NewCall(Service, ManagerPath, Manager, "Subscribe");
                bus.Call(subscribe, deadline).Dispose();
            }

            return bus;
        }
        catch
        {
            bus.Dispose();
            throw;
        }
    }

    private void WaitForJob(BusConnection bus, string job, string unit, string done)
    {
        var clock = Stopwatch.StartNew();
        while (bus.WaitForSignal(Manager, "JobRemoved", deadline - clock.Elapsed) is { } signal)
        {
            using (signal)
            {
                signal.Skip("u");
                if (signal.ReadString('o') != job)
                {
                    continue;
                }

                signal.Skip("s");
                var result = signal.ReadString();
                if (result == "done")
                {
                    return;
                }

                throw new SystemdException(
                    $"The unit {unit} could not be {done}: systemd's job ended as \"{result}\". See journalctl -u {unit}.");
            }
        }

        throw new SystemdException(
            $"systemd did not say within {deadline.TotalSeconds:0} s that the unit {unit} was {done}. See systemctl list-jobs and journalctl -u {unit}.");
    }
}
