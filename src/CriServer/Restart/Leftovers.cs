using Crisp.Cgroups;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Sandboxes;
using Crisp.Linux;
using Crisp.Network;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Restart;

/// <summary>
/// What lies in our own directories without a record, because the daemon died between two steps: pods' processes, mounts,
/// directories. All of it goes.
/// </summary>
internal static class Leftovers
{
    public static async Task RemoveAsync(Node node, System.Collections.Concurrent.ConcurrentBag<string> problems)
    {
        foreach (var name in Names(node.SandboxRunsDirectory).Where(n => node.Index.All.All(s => Node.SandboxRunName(s.Id) != n || s.Link is null)))
        {
            await TryAsync(name, problems, () => RemoveRunAsync(node, name));
        }

        if (node.Config.CgroupDriver == CgroupDriver.Systemd)
        {
            await TryAsync("scopes of systemd's", problems, () => Task.Run(() => SandboxScopes.RemoveStale(node)));
        }

        foreach (var id in node.Network.AttachedPods.Where(id => node.Index.All.All(s => s.Id != id)))
        {
            await TryAsync(id, problems, () => node.Network.DeleteAsync(id, netns: ""));
        }

        foreach (var name in Names(node.SandboxesDirectory).Where(n => node.Index.All.All(s => s.Id != n)))
        {
            await TryAsync(name, problems, () => Remove(Path.Combine(node.SandboxesDirectory, name)));
        }

        foreach (var name in Names(node.ContainersDirectory).Where(n => node.Index.FindContainer(n) is null))
        {
            node.LayerQuotas.Release(node.DirectoriesOf(name));
            await TryAsync(name, problems, () => Remove(Path.Combine(node.ContainersDirectory, name)));
        }
    }

    /// <summary>The network namespace of a pod that has no record, or none that knows of it; null when there is none.</summary>
    public static async Task<FileDescriptor?> NetworkNamespaceOfAsync(SandboxLink? link)
    {
        try
        {
            link?.Learn((await link.Client.StateAsync()).Namespaces);
            return link?.OpenNetworkNamespace();
        }
        catch (Exception e) when (e is SandboxException or LinuxException)
        {
            // Its process has just ended, or does not answer: plugins delete what they can without the namespace.
            return null;
        }
    }

    private static List<string> Names(string path)
    {
        using var directory = Files.Open(path, OpenFlags.Directory | OpenFlags.NoFollow);
        return Files.ReadDirectory(directory);
    }

    private static async Task RemoveRunAsync(Node node, string name)
    {
        // A living process in here has no record: it holds a pod whose record was lost.
        if (Node.SandboxRunName(name) == name && await SandboxLink.FindAsync(node, name, identity: null) is { } link)
        {
            await using (link)
            {
                using var network = await NetworkNamespaceOfAsync(link);
                await link.Client.ShutdownAsync();
                link.WaitForEnd(TimeSpan.FromSeconds(10));
                await node.Network.DeleteAsync(link.Client.Server.SandboxId, SandboxCleanup.PathOf(network));
                SandboxCgroups.RemovePod(node, link.Client.Server.SandboxId, cgroupPath: null);
            }
        }

        var path = Path.Combine(node.SandboxRunsDirectory, name);
        SandboxFiles.UnmountShm(Path.Combine(path, "shm"));
        TreeRemoval.Remove(path);
    }

    private static Task Remove(string path)
    {
        TreeRemoval.Remove(path);
        return Task.CompletedTask;
    }

    private static async Task TryAsync(string name, System.Collections.Concurrent.ConcurrentBag<string> problems, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (e is SandboxException or LinuxException or IOException or CniException)
        {
            // It stays for the next start; the daemon serves meanwhile.
            problems.Add($"The leftover {name} could not be removed: {e.Message}");
        }
    }
}
