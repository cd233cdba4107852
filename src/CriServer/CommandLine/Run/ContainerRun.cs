using System.Text.Json;
using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine.Run;

/// <summary>The steps of <c>crisp run</c>: a pod, a container in it, and its start. What fails leaves nothing behind.</summary>
internal sealed class ContainerRun(DaemonClient daemon, RunSettings settings)
{
    private string? _logDirectory;

    /// <summary>Whether the pod was made for this container.</summary>
    public bool MadePod { get; private set; }

    public string PodId { get; private set; } = "";

    public string ContainerId { get; private set; } = "";

    public async Task StartAsync(CancellationToken cancellation)
    {
        var status = await daemon.Runtime.StatusAsync(new StatusRequest { Verbose = true }, cancellationToken: cancellation);
        var (existing, network) = await FindPodAsync(cancellation) is { } found
            ? (found, found.Network)
            : (null, settings.Network ?? NodeNetwork(status));
        var container = RunConfigs.Container(settings, network);
        var pod = existing?.Config ?? RunConfigs.Pod(settings, network, Path.Combine(RootOf(status), "logs"));
        PodId = existing?.Id ?? await MakePodAsync(pod, cancellation);
        _logDirectory = MadePod ? pod.LogDirectory : null;
        try
        {
            ContainerId = (await daemon.Runtime.CreateContainerAsync(
                new CreateContainerRequest { PodSandboxId = PodId, Config = container, SandboxConfig = pod }, cancellationToken: cancellation)).ContainerId;
            await daemon.Runtime.StartContainerAsync(
                new StartContainerRequest { ContainerId = ContainerId }, cancellationToken: cancellation);
        }
        catch
        {
            await UndoAsync();
            throw;
        }
    }

    /// <summary>Removes the container, and the pod where it was made for it.</summary>
    public async Task RemoveAsync()
    {
        if (MadePod)
        {
            await PodRemoval.RunAsync(daemon, PodId, _logDirectory);
        }
        else if (ContainerId.Length > 0)
        {
            await daemon.Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = ContainerId });
        }
    }

    // A pod that was there already must not be changed by the way.
    private async Task<ExistingPod?> FindPodAsync(CancellationToken cancellation)
    {
        if (settings.Pod is null)
        {
            return null;
        }

        var pods = await daemon.Runtime.ListPodSandboxAsync(
            new ListPodSandboxRequest { Filter = new PodSandboxFilter { State = new PodSandboxStateValue { State = PodSandboxState.SandboxReady } } },
            cancellationToken: cancellation);
        var named = pods.Items.Where(p => p.Metadata.Name == settings.Pod).ToList();
        if (named.Count > 1)
        {
            throw new CommandException($"More than one pod is called {settings.Pod}: {string.Join(", ", named.Select(p => p.Id[..12]))}.");
        }

        if (named.Count == 0)
        {
            return null;
        }

        if (settings.Ports.Count > 0 || settings.Hostname is not null || settings.Network is not null || settings.RuntimeHandler.Length > 0)
        {
            throw new CommandException(
                $"The pod {settings.Pod} exists: -p, --hostname, --network and --runtime belong to a pod and are set when it is made.");
        }

        var status = await daemon.Runtime.PodSandboxStatusAsync(
            new PodSandboxStatusRequest { PodSandboxId = named[0].Id }, cancellationToken: cancellation);
        var network = status.Status.Linux?.Namespaces?.Options?.Network == NamespaceMode.Node ? RunNetwork.Node : RunNetwork.Pod;
        var config = new PodSandboxConfig { Metadata = named[0].Metadata };
        return new ExistingPod(named[0].Id, network, config);
    }

    private async Task<string> MakePodAsync(PodSandboxConfig pod, CancellationToken cancellation)
    {
        var id = (await daemon.Runtime.RunPodSandboxAsync(
            new RunPodSandboxRequest { Config = pod, RuntimeHandler = settings.RuntimeHandler }, cancellationToken: cancellation)).PodSandboxId;
        MadePod = true;
        return id;
    }

    private async Task UndoAsync()
    {
        try
        {
            await RemoveAsync();
        }
        catch (RpcException)
        {
            // What made the start fail is what the caller must hear; the daemon's own log has this.
        }
    }

    private static RunNetwork NodeNetwork(StatusResponse status)
        => status.Status.Conditions.Any(c => c is { Type: "NetworkReady", Status: true }) ? RunNetwork.Pod : RunNetwork.Node;

    private static string RootOf(StatusResponse status)
    {
        using var config = JsonDocument.Parse(status.Info["config"]);
        return config.RootElement.GetProperty("root").GetString()!;
    }

    private sealed record ExistingPod(string Id, RunNetwork Network, PodSandboxConfig Config);
}
