using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Crisp.Install;
using Crisp.Linux;

namespace Crisp.CriServer.CommandLine.Install;

/// <summary><c>crisp uninstall</c>: takes the service, the programs and what crisp has stored off this machine.</summary>
internal static class UninstallCommand
{
    private const int GraceSeconds = 10;
    private const int MostNames = 5;
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(60);

    public static Command Create()
    {
        var force = new Option<bool>("--force") { Description = "End the pods that run" };
        var keep = new Option<bool>("--keep-data") { Description = "Keep images and records" };
        var command = new Command("uninstall", "Remove the service from this machine. Refuses while pods run.") { force, keep };
        command.SetRun(async (parsed, cancellation) =>
        {
            ThisMachine.Require();
            var say = ThisMachine.Say(parsed);
            var installation = ThisMachine.Installation(say);
            if (!installation.IsInstalled)
            {
                say("crisp is not installed on this machine.");
                return 0;
            }

            // Read before it is gone.
            var config = ThisMachine.Config;
            await EndPodsAsync(config, installation, parsed.GetValue(force), say, cancellation);
            if (await installation.UninstallAsync(cancellation))
            {
                say($"{ConfigFile.DefaultPath} is not as it was written, so that it stays.");
            }

            RemoveState(config, parsed.GetValue(keep), say);
            return 0;
        });
        return command;
    }

    /// <exception cref="CommandException">Pods run, and they are not to be ended or cannot be.</exception>
    private static async Task EndPodsAsync(CrispConfig config, Installation installation, bool force, Action<string> say, CancellationToken cancellation)
    {
        if (!HasPods(config))
        {
            return;
        }

        await RequireDaemonAsync(installation, say, cancellation);
        using var client = new DaemonClient(config.SocketPath);
        var pods = (await client.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest(), cancellationToken: cancellation)).Items;
        var ready = pods.Where(p => p.State == PodSandboxState.SandboxReady).ToList();
        if (ready.Count > 0 && !force)
        {
            var names = string.Join(", ", ready.Take(MostNames).Select(p => $"{p.Metadata.Namespace}/{p.Metadata.Name}"));
            throw new CommandException(
                $"Pods run on this machine: {names}{(ready.Count > MostNames ? $" and {ready.Count - MostNames} more" : "")}. Nothing was changed. "
                + "Drain the node, or stop the kubelet and end them by \"crisp stop\" and \"crisp rm\"; or use --force.");
        }

        foreach (var pod in pods)
        {
            say($"Removing the pod {pod.Metadata.Namespace}/{pod.Metadata.Name}");
            await RemoveAsync(client, pod, cancellation);
        }
    }

    private static async Task RemoveAsync(DaemonClient client, PodSandbox pod, CancellationToken cancellation)
    {
        // With their stop signal and time to obey it: StopPodSandbox kills.
        var filter = new ContainerFilter { PodSandboxId = pod.Id, State = new ContainerStateValue { State = ContainerState.ContainerRunning } };
        var containers = await client.Runtime.ListContainersAsync(new ListContainersRequest { Filter = filter }, cancellationToken: cancellation);
        await Task.WhenAll(containers.Containers.Select(c => client.Runtime.StopContainerAsync(
            new StopContainerRequest { ContainerId = c.Id, Timeout = GraceSeconds }, cancellationToken: cancellation).ResponseAsync));
        await client.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod.Id }, cancellationToken: cancellation);
        await client.Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod.Id }, cancellationToken: cancellation);
    }

    /// <summary>Whether there are records of pods: the daemon may be down, and its pods live.</summary>
    private static bool HasPods(CrispConfig config)
        => Directory.Exists(config.SandboxRecordDirectory) && Directory.EnumerateFiles(config.SandboxRecordDirectory).Any();

    private static async Task RequireDaemonAsync(Installation installation, Action<string> say, CancellationToken cancellation)
    {
        if (await ThisMachine.AnswersAsync(cancellation))
        {
            return;
        }

        say("There are records of pods, which only the daemon can end");
        if (!await installation.StartAsync(s_start, cancellation))
        {
            throw new CommandException(
                $"There are records of pods, and the daemon, which alone can end them, does not answer (journalctl -u {CrispUnit.Name} shows why). "
                + "Nothing was changed.");
        }
    }

    private static void RemoveState(CrispConfig config, bool keepData, Action<string> say)
    {
        foreach (var directory in keepData ? [config.Run] : (string[])[config.Run, config.Root])
        {
            say($"Removing {directory}");
            try
            {
                TreeRemoval.Remove(directory);
            }
            catch (LinuxException e)
            {
                throw new CommandException($"The service is removed, but {directory} cannot be: {e.Message}. Remove it by hand.", e);
            }
        }
    }
}
