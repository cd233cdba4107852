using System.Globalization;
using System.Text;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

public sealed partial class ProcessLauncher
{
    /// <summary>Makes the pod's namespaces, with hostname, loopback and sysctls set, and the reaper of a shared PID namespace.</summary>
    public PodNamespaces CreateNamespaces(SandboxSpec spec)
    {
        try
        {
            var namespaces = MakeNamespaces(spec);
            try
            {
                if (spec.Sysctls.Count > 0)
                {
                    using var plan = PodPlans.Sysctls(spec, _procfs, namespaces);
                    RunToExit(plan);
                }

                return spec.SharedPidNamespace ? AddReaper(namespaces) : namespaces;
            }
            catch
            {
                namespaces.Dispose();
                throw;
            }
        }
        catch (Exception e) when (LaunchErrors.IsExpected(e))
        {
            throw LaunchErrors.Describe(e, $"The namespaces of the pod {spec.Id} could not be made");
        }
    }

    private PodNamespaces MakeNamespaces(SandboxSpec spec)
    {
        var own = PodPlans.OwnNamespaces(spec);
        if (own == NamespaceFlags.None)
        {
            return new PodNamespaces();
        }

        if ((spec.UidMappings.Count == 0) != (spec.GidMappings.Count == 0))
        {
            throw new SandboxException(RpcCode.InvalidArgument, "A user namespace needs maps of users and of groups; only one of them is there.");
        }

        PodNamespaces? namespaces = null;
        try
        {
            using var plan = PodPlans.Namespaces(spec);
            using var process = PlanLauncher.Launch(plan, own);
            while (process.Run(LaunchStops.Deadline) is { } stop)
            {
                if (stop == LaunchStops.Maps)
                {
                    WriteMap(process.Pid, "uid_map", spec.UidMappings);
                    WriteMap(process.Pid, "gid_map", spec.GidMappings);
                }
                else
                {
                    namespaces = Open(process.Pid, own, spec);
                }
            }

            Linux.Processes.TryWaitPidfd(process.Pidfd);
            return namespaces!;
        }
        catch
        {
            namespaces?.Dispose();
            throw;
        }
    }

    private PodNamespaces Open(int pid, NamespaceFlags own, SandboxSpec spec)
    {
        var opened = new List<FileDescriptor>();
        try
        {
            return new PodNamespaces
            {
                User = Open(NamespaceFlags.User, "user"),
                Network = Open(NamespaceFlags.Network, "net"),
                Ipc = Open(NamespaceFlags.Ipc, "ipc"),
                Uts = Open(NamespaceFlags.Uts, "uts"),
                UidMappings = spec.UidMappings,
                GidMappings = spec.GidMappings,
            };
        }
        catch
        {
            opened.ForEach(o => o.Dispose());
            throw;
        }

        FileDescriptor? Open(NamespaceFlags type, string name)
        {
            if ((own & type) == 0)
            {
                return null;
            }

            opened.Add(OpenNamespace(pid, name));
            return opened[^1];
        }
    }

    private FileDescriptor OpenNamespace(int pid, string name) => Files.OpenAt(_procfs, $"{pid}/ns/{name}", OpenFlags.ReadOnly);

    // user_namespaces(7): all lines at once. /proc/PID/setgroups stays "allow", since it is the node's root that writes.
    private void WriteMap(int pid, string name, IReadOnlyList<IdMapSpec> map)
    {
        var text = new StringBuilder();
        foreach (var entry in map)
        {
            text.Append(CultureInfo.InvariantCulture, $"{entry.ContainerId} {entry.HostId} {entry.Length}\n");
        }

        using var file = Files.OpenAt(_procfs, $"{pid}/{name}", OpenFlags.WriteOnly);
        Files.WriteAll(file, Encoding.ASCII.GetBytes(text.ToString()));
    }

    private PodNamespaces AddReaper(PodNamespaces namespaces)
    {
        FileDescriptor? pidNamespace = null;
        using var plan = PodPlans.Reaper(namespaces, _facts);
        using var process = PlanLauncher.Launch(plan, PodPlans.ReaperNamespaces(namespaces));
        try
        {
            while (process.Run(LaunchStops.Deadline) is not null)
            {
                pidNamespace = OpenNamespace(process.Pid, "pid");
            }

            return new PodNamespaces
            {
                User = namespaces.User,
                Network = namespaces.Network,
                Ipc = namespaces.Ipc,
                Uts = namespaces.Uts,
                UidMappings = namespaces.UidMappings,
                GidMappings = namespaces.GidMappings,
                Pid = pidNamespace,
                ReaperPid = process.Pid,
            };
        }
        catch
        {
            pidNamespace?.Dispose();
            Linux.Processes.PidfdSendSignal(process.Pidfd, Signals.Kill);
            throw;
        }
    }

    private static void RunToExit(Plan plan)
    {
        using var process = PlanLauncher.Launch(plan);
        process.RunToEnd(LaunchStops.Deadline);
        Linux.Processes.TryWaitPidfd(process.Pidfd);
    }
}
