using Crisp.Cri.V1;

namespace Crisp.CriServer.CommandLine;

/// <summary>A container as the command line knows it: what the daemon lists, and its pod.</summary>
/// <param name="Pod">Null where the pod has gone between the two lists.</param>
internal sealed record ContainerEntry(Container Container, PodSandbox? Pod)
{
    public string Id => Container.Id;

    public string Name => Container.Metadata.Name;

    /// <summary>NAMESPACE/POD, the way kubectl and its users name pods.</summary>
    public string PodName => Pod is null ? ShortId.Of(Container.PodSandboxId) : $"{Pod.Metadata.Namespace}/{Pod.Metadata.Name}";

    /// <summary>NAMESPACE/POD/CONTAINER.</summary>
    public string FullName => $"{PodName}/{Name}";

    public bool IsRunning => Container.State == ContainerState.ContainerRunning;

    /// <summary>All containers of the node, running or not, the newest first.</summary>
    public static async Task<List<ContainerEntry>> ListAsync(DaemonClient daemon, CancellationToken cancellation)
    {
        var containers = await daemon.Runtime.ListContainersAsync(new ListContainersRequest(), cancellationToken: cancellation);
        var pods = await daemon.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest(), cancellationToken: cancellation);
        var byId = pods.Items.ToDictionary(p => p.Id);
        return [.. containers.Containers.OrderByDescending(c => c.CreatedAt).Select(c => new ContainerEntry(c, byId.GetValueOrDefault(c.PodSandboxId)))];
    }
}
