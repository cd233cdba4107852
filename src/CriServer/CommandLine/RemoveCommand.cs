using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Completion;
using Crisp.CriServer.CommandLine.Run;

namespace Crisp.CriServer.CommandLine;

/// <summary>
/// <c>crisp rm</c>: containers, and with the last one the pod that <c>crisp run</c> made for them, with its logs. Pods of a
/// kubelet stay: they are the kubelet's to remove.
/// </summary>
internal static class RemoveCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var force = new Option<bool>("--force", "-f") { Description = "Running ones too" };
        var all = new Option<bool>("--all", "-a") { Description = "All containers and pods that crisp run has made" };
        var containers = new Argument<string[]>("CONTAINER") { Description = "Ids or their beginnings, or [[NAMESPACE/]POD/]NAME", Arity = ArgumentArity.ZeroOrMore }
            .WithContainers(daemon);
        var command = new Command("rm", "Remove containers.") { force, all, containers };
        daemon.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            using var client = new DaemonClient(daemon.SocketPath(parsed));
            var names = parsed.GetValue(containers) ?? [];
            if (parsed.GetValue(all) == names.Length > 0)
            {
                throw new CommandException("Name the containers to remove, or give --all.");
            }

            var removal = new ContainerSweep(client, parsed.GetValue(force), parsed.InvocationConfiguration.Output);
            var entries = await ContainerEntry.ListAsync(client, cancellation);
            await removal.RunAsync(
                parsed.GetValue(all)
                    ? [.. entries.Where(e => e.Pod is { } pod && IsManaged(pod))]
                    : [.. names.Select(text => ContainerFinder.Find(entries, text)).DistinctBy(e => e.Id)],
                cancellation);
            await removal.RemoveEmptyPodsAsync(parsed.GetValue(all), cancellation);
            return 0;
        });
        return command;
    }

    private static bool IsManaged(PodSandbox pod) => pod.Labels.ContainsKey(RunConfigs.ManagedLabel);

    private sealed class ContainerSweep(DaemonClient daemon, bool force, TextWriter output)
    {
        private readonly HashSet<string> _pods = [];

        public async Task RunAsync(IReadOnlyList<ContainerEntry> entries, CancellationToken cancellation)
        {
            if (!force && entries.FirstOrDefault(e => e.IsRunning) is { } running)
            {
                throw new CommandException($"{running.FullName} is running. Stop it first, or give --force.");
            }

            foreach (var entry in entries)
            {
                await daemon.Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = entry.Id }, cancellationToken: cancellation);
                _pods.Add(entry.Container.PodSandboxId);
                await output.WriteLineAsync(entry.FullName);
            }
        }

        /// <param name="all">Also those that had no container to begin with.</param>
        public async Task RemoveEmptyPodsAsync(bool all, CancellationToken cancellation)
        {
            var pods = await daemon.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest(), cancellationToken: cancellation);
            var containers = await daemon.Runtime.ListContainersAsync(new ListContainersRequest(), cancellationToken: cancellation);
            var used = containers.Containers.Select(c => c.PodSandboxId).ToHashSet();
            foreach (var pod in pods.Items.Where(p => IsManaged(p) && !used.Contains(p.Id) && (all || _pods.Contains(p.Id))))
            {
                await PodRemoval.RunAsync(daemon, pod.Id, pod.Annotations.GetValueOrDefault(RunConfigs.LogDirectoryAnnotation));
            }
        }
    }
}
