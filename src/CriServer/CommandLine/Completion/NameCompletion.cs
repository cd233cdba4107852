using System.CommandLine;
using System.CommandLine.Completions;
using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine.Completion;

/// <summary>Names of this node's containers and images for arguments, asked of the daemon while a line is completed.</summary>
internal static class NameCompletion
{
    // A person waits for it with a finger on the key.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(1);

    public static Argument<T> WithContainers<T>(this Argument<T> argument, DaemonOptions daemon, bool runningOnly = false)
        => argument.With(daemon, client => Containers(client, runningOnly));

    public static Argument<T> WithImages<T>(this Argument<T> argument, DaemonOptions daemon) => argument.With(daemon, Images);

    private static Argument<T> With<T>(this Argument<T> argument, DaemonOptions daemon, Func<DaemonClient, IEnumerable<string>> names)
    {
        argument.CompletionSources.Add(context => Ask(daemon, context, names));
        return argument;
    }

    private static IEnumerable<CompletionItem> Ask(DaemonOptions daemon, CompletionContext context, Func<DaemonClient, IEnumerable<string>> names)
    {
        try
        {
            using var client = new DaemonClient(daemon.SocketPath(context.ParseResult));
            return [.. names(client).Distinct().Select(n => new CompletionItem(n))];
        }
        catch (Exception e) when (e is RpcException or ConfigException)
        {
            // The line is not finished, and there is nobody to tell: the command itself will say it.
            return [];
        }
    }

    /// <summary>The shortest name of each that means no other container.</summary>
    private static IEnumerable<string> Containers(DaemonClient client, bool runningOnly)
    {
        var deadline = DateTime.UtcNow + _patience;
        var pods = client.Runtime.ListPodSandbox(new ListPodSandboxRequest(), deadline: deadline).Items.ToDictionary(p => p.Id);
        var entries = client.Runtime.ListContainers(new ListContainersRequest(), deadline: deadline).Containers
            .Select(c => new ContainerEntry(c, pods.GetValueOrDefault(c.PodSandboxId))).ToList();
        var counts = entries.CountBy(e => e.Name).ToDictionary();
        return entries.Where(e => e.IsRunning || !runningOnly).Select(e => counts[e.Name] == 1 ? e.Name : e.FullName);
    }

    private static IEnumerable<string> Images(DaemonClient client)
        => client.Images.ListImages(new ListImagesRequest(), deadline: DateTime.UtcNow + _patience).Images.SelectMany(i => i.RepoTags);
}
