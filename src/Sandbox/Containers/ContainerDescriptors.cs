using Crisp.Linux;
using Crisp.Sandbox.Logs;

namespace Crisp.Sandbox.Containers;

/// <summary>What a container holds open, closed when it has ended: a volume's umount must succeed at once.</summary>
/// <param name="mounts">Parallel to the specification's mounts; null where the source needs none.</param>
internal sealed class ContainerDescriptors(FileDescriptor rootfs, IReadOnlyList<FileDescriptor?> mounts) : IDisposable
{
    /// <summary>Kept while the container runs: the users of execs are resolved in it.</summary>
    public FileDescriptor Rootfs { get; } = rootfs;

    public IReadOnlyList<FileDescriptor?> Mounts { get; private set; } = mounts;

    /// <summary>Opened by CreateContainer, so that a wrong path is refused early; the log's own thread takes it over.</summary>
    public LogFile? LogFile { get; set; }

    /// <summary>The writing end of the main process's standard input, for attach; null without.</summary>
    public FileDescriptor? Stdin { get; set; }

    /// <summary>They are attached in the container now.</summary>
    public void CloseMounts()
    {
        foreach (var mount in Mounts)
        {
            mount?.Dispose();
        }

        Mounts = [];
    }

    /// <summary>The end of input for the main process, once no client's copy is left. For any thread.</summary>
    public void CloseStdin()
    {
        Stdin?.Dispose();
        Stdin = null;
    }

    public LogFile? TakeLogFile()
    {
        var file = LogFile;
        LogFile = null;
        return file;
    }

    public void Dispose()
    {
        CloseMounts();
        Rootfs.Dispose();
        LogFile?.Dispose();
        LogFile = null;
        CloseStdin();
    }
}
