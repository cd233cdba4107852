using System.Text.Json.Nodes;
using Crisp.CriServer.Containers;
using Crisp.Linux;
using Crisp.Linux.Tests.Quotas;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>A node whose root directory is on a filesystem with project quota; skips the test where there can be none.</summary>
internal sealed class LimitedNode : IAsyncDisposable
{
    /// <summary>Busybox with a VOLUME.</summary>
    public const string ImageWithVolume = "localhost/crisp/volume:1";

    private readonly QuotaFilesystem _filesystem;

    private LimitedNode(QuotaFilesystem filesystem)
    {
        _filesystem = filesystem;
        Pods = new PodNode
        {
            Prepare = daemon => Directory.CreateSymbolicLink(daemon.Root, Directory.CreateDirectory(Path.Combine(filesystem.Path, "root")).FullName),
        };
    }

    public PodNode Pods { get; }

    /// <param name="type">Of the filesystem.</param>
    /// <param name="config">Lines of crisp's configuration.</param>
    public static async Task<LimitedNode> StartAsync(string type, string config = "")
    {
        PodNode.Require();
        var node = new LimitedNode(QuotaFilesystem.Mount(type, "prjquota"));
        try
        {
            await File.AppendAllTextAsync(node.Pods.Network.ConfigFile, config);
            await node.Pods.InitializeAsync();
            await node.Pods.ImportAsync(new TestImage(ImageWithVolume).With("Volumes", new JsonObject { ["/volume"] = new JsonObject() }));
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the filesystem counts for a project.</summary>
    public ProjectUsage UsageOf(uint project)
    {
        using var directory = Files.Open(_filesystem.Path, OpenFlags.Directory);
        return ProjectQuota.Usage(directory, project);
    }

    /// <summary>Waits until nobody has the project any more.</summary>
    public void AwaitFree(uint project)
    {
        using var directory = Files.Open(_filesystem.Path, OpenFlags.Directory);
        QuotaFilesystem.AwaitFree(directory, project);
    }

    /// <summary>The project of a container's writable layer.</summary>
    public uint ProjectOf(string container)
    {
        using var upper = Files.Open(new ContainerDirectories(Path.Combine(_filesystem.Path, "root", "containers", container)).Upper, OpenFlags.Directory);
        return ProjectQuota.Of(upper);
    }

    public async ValueTask DisposeAsync()
    {
        using var filesystem = _filesystem;
        await Pods.DisposeAsync();
    }
}
