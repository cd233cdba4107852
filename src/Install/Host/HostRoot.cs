using Crisp.Linux;

namespace Crisp.Install.Host;

/// <summary>
/// The host's files, seen from a pod in which its root is mounted somewhere. A symlink on the host means what it means there: an
/// absolute one leads to the host's root, not to the pod's.
/// </summary>
/// <param name="path">Where the host's root is mounted; "/" on the host itself.</param>
public sealed class HostRoot(string path)
{
    // As many as the kernel follows (path_resolution(7)).
    private const int MostLinks = 40;
    private const uint OwnerWrites = 0x1A4; // 0644
    private const uint OwnerRuns = 0x1ED; // 0755

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>Where a file of the host is found from here. Of the path, what does not exist is taken as it stands.</summary>
    /// <param name="file">Absolute, on the host.</param>
    /// <exception cref="HostException">The path's symlinks lead in a circle.</exception>
    public string Resolve(string file)
    {
        var pending = new Stack<string>(Parts(file).Reverse());
        var resolved = new List<string>();
        var links = 0;
        while (pending.TryPop(out var part))
        {
            if (part == "..")
            {
                resolved.RemoveRange(Math.Max(0, resolved.Count - 1), Math.Min(1, resolved.Count));
                continue;
            }

            if (new FileInfo(Below([.. resolved, part])).LinkTarget is not { } target)
            {
                resolved.Add(part);
                continue;
            }

            if (++links > MostLinks)
            {
                throw new HostException($"The symbolic links of {file} on the host lead in a circle.");
            }

            if (target.StartsWith('/'))
            {
                resolved.Clear();
            }

            foreach (var next in Parts(target).Reverse())
            {
                pending.Push(next);
            }
        }

        return Below(resolved);
    }

    public bool Exists(string file) => File.Exists(Resolve(file));

    /// <summary>Null when there is none.</summary>
    /// <exception cref="HostException">It cannot be read.</exception>
    public string? ReadText(string file)
    {
        try
        {
            return File.ReadAllText(Resolve(file));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HostException($"Cannot read {file} of the host: {e.Message}", e);
        }
    }

    /// <summary>
    /// Replaces a file or makes it, directories too. At any instant the old content or the new one is there, whole; on return it is
    /// on the disk. The mode and the owner of a file that is replaced stay.
    /// </summary>
    /// <exception cref="HostException">It cannot be written, on a full disk for one: the old one is untouched.</exception>
    public void WriteText(string file, string text) => Replace(file, OwnerWrites, temporary => File.WriteAllText(temporary, text));

    /// <summary>The same, with a program of the pod's as the content.</summary>
    /// <exception cref="HostException">It cannot be written: the old one is untouched.</exception>
    public void CopyProgram(string source, string file) => Replace(file, OwnerRuns, temporary => File.Copy(source, temporary, overwrite: true));

    /// <summary>Removes a file that may be gone already.</summary>
    public void Remove(string file) => OnHost($"Cannot remove {file} of the host", () =>
    {
        var resolved = Resolve(file);
        if (File.Exists(resolved))
        {
            File.Delete(resolved);
            Sync(System.IO.Path.GetDirectoryName(resolved)!);
        }
    });

    /// <summary>Removes a directory that is empty; one that is not, or is gone already, stays as it is.</summary>
    public void RemoveEmpty(string directory) => OnHost($"Cannot remove {directory} of the host", () =>
    {
        var resolved = Resolve(directory);
        if (Directory.Exists(resolved) && IsEmpty(directory))
        {
            Directory.Delete(resolved);
        }
    });

    /// <summary>Whether nothing is in a directory, or there is none.</summary>
    public bool IsEmpty(string directory)
    {
        var resolved = Resolve(directory);
        return !Directory.Exists(resolved) || !Directory.EnumerateFileSystemEntries(resolved).Any();
    }

    /// <summary>Makes a failure with the host's files a sentence that begins with the purpose.</summary>
    internal static void OnHost(string purpose, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            throw new HostException($"{purpose}: {e.Message}", e);
        }
    }

    private void Replace(string file, uint mode, Action<string> write) => OnHost($"Cannot write {file} of the host", () =>
    {
        var resolved = Resolve(file);
        var directory = System.IO.Path.GetDirectoryName(resolved)!;
        Directory.CreateDirectory(directory);
        var temporary = System.IO.Path.Combine(directory, $".{System.IO.Path.GetFileName(resolved)}.crisp-new");
        try
        {
            write(temporary);
            using var written = Files.Open(temporary, OpenFlags.ReadOnly);
            if (File.Exists(resolved))
            {
                using var old = Files.Open(resolved, OpenFlags.ReadOnly);
                var status = Files.Status(old);
                Files.Fchown(written, status.Uid, status.Gid);
                mode = (uint)File.GetUnixFileMode(resolved);
            }

            Files.Fchmod(written, mode);
            Files.Fsync(written);
            File.Move(temporary, resolved, overwrite: true);
        }
        catch
        {
            // A full disk must not be filled further by half a file that nobody will read.
            File.Delete(temporary);
            throw;
        }

        Sync(directory);
    });

    private static void Sync(string directory)
    {
        using var opened = Files.Open(directory, OpenFlags.Directory);
        Files.Fsync(opened);
    }

    private static string[] Parts(string file) => [.. file.Split('/').Where(p => p is not ("" or "."))];

    private string Below(IEnumerable<string> parts) => System.IO.Path.Combine([Path, .. parts]);
}
