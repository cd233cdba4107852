using System.Text.Json;
using System.Text.Json.Serialization;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Containers;

/// <summary>
/// How containers ended, one file for each: <c>exits/CONTAINER.json</c> in the pod's run directory. A daemon that was away
/// reads it even when this process has died meanwhile.
/// </summary>
internal sealed class ExitFiles : IDisposable
{
    /// <summary>A daemon that died within RemoveContainer still looks for the exit of a container that was deleted here.</summary>
    internal const int MaxOfDeleted = 64;

    private const uint DirectoryMode = 0x1C0; // 0700
    private const uint FileMode = 0x180; // 0600
    private readonly FileDescriptor _directory;
    private readonly Queue<string> _deleted = new();

    private ExitFiles(FileDescriptor directory) => _directory = directory;

    public static ExitFiles Open(string runDirectory)
    {
        var path = Path.Combine(runDirectory, "exits");
        try
        {
            Files.MkdirAt(FileDescriptor.CurrentDirectory, path, DirectoryMode);
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            // Made by the daemon.
        }

        return new ExitFiles(Files.Open(path, OpenFlags.Directory | OpenFlags.NoFollow));
    }

    /// <summary>The same on a mount of its own, from which nothing else of the node is reached.</summary>
    public static ExitFiles OpenDetached(string runDirectory)
    {
        using var whole = Open(runDirectory);
        using var tree = Mounts.CloneDirectory(whole._directory, "");
        return new ExitFiles(Files.OpenAt(tree, ".", OpenFlags.Directory));
    }

    /// <summary>On return it is on disk, whole, under its name.</summary>
    public void Write(string containerId, ExitInfo exit)
    {
        var written = new WrittenExit
        {
            ExitCode = exit.ExitCode,
            FinishedAt = exit.FinishedAt,
            Signal = exit.Signal,
            OomKilled = exit.OomKilled,
            Message = exit.Message,
        };
        AtomicFile.Write(
            _directory, $".{containerId}", $"{containerId}.json", JsonSerializer.SerializeToUtf8Bytes(written, ExitJson.Default.WrittenExit), FileMode);
    }

    /// <summary>The container was deleted: its file stays a while, but not those of all containers of a pod's long life.</summary>
    public void Forget(string containerId)
    {
        _deleted.Enqueue(containerId);
        if (_deleted.Count > MaxOfDeleted)
        {
            Remove(_deleted.Dequeue());
        }
    }

    public void Dispose() => _directory.Dispose();

    private void Remove(string containerId)
    {
        // It may never have run.
        Files.UnlinkIfThere(_directory, $"{containerId}.json");
    }
}

/// <summary>ExitInfo of sandbox.proto on disk.</summary>
internal sealed record WrittenExit
{
    public int ExitCode { get; init; }

    public long FinishedAt { get; init; }

    public int Signal { get; init; }

    public bool OomKilled { get; init; }

    public string Message { get; init; } = "";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(WrittenExit))]
internal sealed partial class ExitJson : JsonSerializerContext;
