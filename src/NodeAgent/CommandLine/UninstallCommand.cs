using System.CommandLine;
using Crisp.NodeAgent.Kubernetes;

namespace Crisp.NodeAgent.CommandLine;

/// <summary><c>crisp-node-agent uninstall</c>: asks all agents to take crisp off their nodes, and waits until they have; the release's last hook.</summary>
internal static class UninstallCommand
{
    /// <summary>What the chart's hook does not try again.</summary>
    internal const int CalledOff = 3;

    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var space = new Option<string>("--namespace") { HelpName = "NAME", Required = true, Description = "The namespace of the release and its Lease" };
        var lease = new Option<string>("--lease") { HelpName = "NAME", DefaultValueFactory = _ => "crisp-node-agent", Description = "The Lease" };
        var timeout = new Option<string>("--timeout") { HelpName = "TIME", DefaultValueFactory = _ => "1h", Description = "How long all nodes together may take" };
        var command = new Command("uninstall", "Take crisp off every node. Kubelets go back to their runtimes one after the other.") { space, lease, timeout };
        var access = new ClusterAccess();
        access.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            var limit = AgentSettings.ParseTime("--timeout", parsed.GetRequiredValue(timeout));
            using var cluster = new Cluster(access.Read(parsed), s_retry, TimeProvider.System);
            var asked = new SwitchLease(cluster, parsed.GetRequiredValue(space), parsed.GetRequiredValue(lease), "uninstall", TimeProvider.System);
            return await RunAsync(cluster, asked, limit, s_poll, TimeProvider.System, parsed.InvocationConfiguration.Output, cancellation);
        });
        return command;
    }

    /// <returns>0 when no node has crisp any more; 1 when some still have it at the end of the time; 3 when it was called off.</returns>
    internal static async Task<int> RunAsync(
        Cluster cluster, SwitchLease lease, TimeSpan limit, TimeSpan poll, TimeProvider time, TextWriter output, CancellationToken cancellation)
    {
        await lease.AskForUninstallAsync(cancellation);
        var begin = time.GetTimestamp();
        var said = "";
        while (true)
        {
            var left = (await cluster.ListNodesAsync(NodeNames.Version, cancellation)).Select(n => n.Metadata.Name).Order().ToList();
            if (left.Count == 0)
            {
                await output.WriteLineAsync("crisp is off all nodes.");
                return 0;
            }

            var names = string.Join(", ", left);
            if (!(await lease.LookAsync(cancellation)).IsUninstalling)
            {
                await output.WriteLineAsync(
                    $"Called off: the annotation {SwitchLease.Uninstall} of the Lease is gone. {names} and all other nodes with the label {NodeNames.Runtime} "
                    + "go to crisp again.");
                return CalledOff;
            }

            if (time.GetElapsedTime(begin) >= limit)
            {
                await output.WriteLineAsync(
                    $"Still on {names} after {limit.TotalSeconds:0} s. kubectl describe node shows why; helm uninstall can be run again, and goes on.");
                return 1;
            }

            if (names != said)
            {
                await output.WriteLineAsync($"Waiting for {names}");
                said = names;
            }

            await Task.Delay(poll, time, cancellation);
        }
    }
}
