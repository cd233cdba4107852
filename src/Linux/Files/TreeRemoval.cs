namespace Crisp.Linux;

/// <summary>
/// Removes a directory that hostile processes have filled. Every step is relative to an open directory, no symlink is
/// followed, and depth costs neither stack nor descriptors: subdirectories are moved to the top and emptied there.
/// </summary>
public static class TreeRemoval
{
    /// <summary>Removes <paramref name="path"/> and everything beneath it. Idempotent.</summary>
    public static void Remove(string path)
    {
        var above = Path.GetDirectoryName(path) ?? throw new ArgumentException($"{path} has no parent.", nameof(path));
        if (Files.TryStatusAt(FileDescriptor.CurrentDirectory, above, out _) is null)
        {
            return;
        }

        using var parent = Files.Open(above, OpenFlags.Directory | OpenFlags.NoFollow);
        var name = Path.GetFileName(path);
        var pending = new Queue<string>([name]);
        var moved = 0;
        while (pending.TryDequeue(out var next))
        {
            RemoveOne(parent, next, () => $"{name}.removed.{moved++}", pending);
        }
    }

    private static void RemoveOne(FileDescriptor parent, string name, Func<string> newName, Queue<string> pending)
    {
        if (Files.TryStatusAt(parent, name, out _) is not { } status)
        {
            return;
        }

        if (status.Type != FileType.Directory)
        {
            Files.UnlinkAt(parent, name);
            return;
        }

        using var directory = Files.OpenAt(parent, name, OpenFlags.Directory | OpenFlags.NoFollow);
        foreach (var entry in Files.ReadDirectory(directory))
        {
            if (Files.StatusAt(directory, entry).Type != FileType.Directory)
            {
                Files.UnlinkAt(directory, entry);
                continue;
            }

            try
            {
                Files.RmdirAt(directory, entry);
            }
            catch (LinuxException e) when (e.Errno is Errno.ENOTEMPTY or Errno.EEXIST)
            {
                var up = newName();
                Files.RenameAt2(directory, entry, parent, up);
                pending.Enqueue(up);
            }
        }

        Files.RmdirAt(parent, name);
    }
}
