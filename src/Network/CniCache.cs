using System.Text.Json;
using Crisp.Linux;

namespace Crisp.Network;

/// <summary>
/// One directory with one file for each attachment, replaced by rename: at any instant the old entry or the new one is there,
/// whole. What cannot be read is set aside and reported, never fatal.
/// </summary>
/// <remarks>
/// A death of the process loses nothing. A power failure may lose the newest entries, since only results are synced, and those
/// without their directory: each sync costs a pod milliseconds. Whoever keeps records of pods, and syncs them, knows which pods
/// had begun to join, and says so to <see cref="CniNetwork.DeleteAsync"/>. An entry that comes back is deleted once more.
/// </remarks>
public sealed class CniCache : IDisposable
{
    private const int MaxBytes = 8 << 20;
    private const string Suffix = ".json";
    private const string TemporarySuffix = ".tmp";
    private const string DamagedSuffix = ".damaged";
    private readonly FileDescriptor _directory;

    /// <param name="path">Made with mode 0700 where it is missing.</param>
    public CniCache(string path)
    {
        Path = path;
        Directory.CreateDirectory(path, (UnixFileMode)0x1C0); // 0700
        _directory = Files.Open(path, OpenFlags.Directory);
    }

    public string Path { get; }

    /// <summary>Removes what writers have left that died before the rename: nothing had begun yet. Nobody may write meanwhile.</summary>
    public void RemoveTemporaries()
    {
        foreach (var temporary in Files.ReadDirectory(_directory).Where(n => n[0] == '.' && n.EndsWith(TemporarySuffix, StringComparison.Ordinal)))
        {
            Files.UnlinkIfThere(_directory, temporary);
        }
    }

    /// <summary>The attachments that are known, whatever their stage.</summary>
    public IReadOnlyList<(string ContainerId, string InterfaceName)> Attachments() =>
    [
        .. Files.ReadDirectory(_directory)
            .Where(n => n.EndsWith(Suffix, StringComparison.Ordinal) && n.Contains('@', StringComparison.Ordinal))
            .Select(n => n[..^Suffix.Length].Split('@', 2)).Select(p => (p[0], p[1])).Order(),
    ];

    public void Dispose() => _directory.Dispose();

    /// <summary>Writes the entry, a result synced, and returns it open for reading: a process that inherits it is known by it.</summary>
    internal FileDescriptor Write(CniCacheEntry entry)
    {
        var name = Name(entry.ContainerId, entry.InterfaceName);
        var temporary = $".{name}{TemporarySuffix}";
        var flags = OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Truncate | OpenFlags.NoFollow;
        var file = Files.OpenAt(_directory, temporary, flags, 0x180); // 0600
        try
        {
            Files.WriteAll(file, JsonSerializer.SerializeToUtf8Bytes(entry, CniJson.Default.CniCacheEntry));
            if (entry.Result is not null)
            {
                Files.Fsync(file);
            }

            Files.RenameAt2(_directory, temporary, _directory, name + Suffix);

            // Plugins get a descriptor that cannot write.
            return Files.OpenAt(_directory, name + Suffix, OpenFlags.ReadOnly | OpenFlags.NoFollow);
        }
        finally
        {
            file.Dispose();
            Files.UnlinkIfThere(_directory, temporary);
        }
    }

    /// <summary>The entry, or null when there is none.</summary>
    /// <param name="problem">Why what was there could not be read, and where it lies now.</param>
    internal CniCacheEntry? Read(string containerId, string interfaceName, out string? problem)
    {
        problem = null;
        var name = Name(containerId, interfaceName) + Suffix;
        try
        {
            using var file = Files.OpenAt(_directory, name, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlocking);
            return Parse(Files.ReadToEnd(file, MaxBytes), containerId, interfaceName);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
        catch (Exception e) when (e is JsonException or LinuxException or InvalidOperationException or CniException)
        {
            Files.RenameAt2(_directory, name, _directory, name + DamagedSuffix);
            problem = $"The CNI cache entry {System.IO.Path.Combine(Path, name)} could not be read and was set aside as {name}{DamagedSuffix}: {PrintableText.From(e.Message)}";
            return null;
        }
    }

    /// <summary>The entry's open file, or null when there is none.</summary>
    internal FileDescriptor? Open(string containerId, string interfaceName)
        => Files.TryOpenAt2(
            _directory, Name(containerId, interfaceName) + Suffix, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlocking, ResolveFlags.None, 0, out _);

    /// <summary>Idempotent.</summary>
    internal void Delete(string containerId, string interfaceName) => Files.UnlinkIfThere(_directory, Name(containerId, interfaceName) + Suffix);

    // Neither a container id nor an interface that is checked can have an at sign in front of the last one.
    private static string Name(string containerId, string interfaceName) => $"{containerId}@{interfaceName}";

    private static CniCacheEntry Parse(byte[] bytes, string containerId, string interfaceName)
    {
        var entry = JsonSerializer.Deserialize(bytes, CniJson.Default.CniCacheEntry) ?? throw new CniException("it is null");
        if (entry.Version is < 1 or > CniCacheEntry.CurrentVersion)
        {
            throw new CniException($"it has version {entry.Version}; this build reads up to {CniCacheEntry.CurrentVersion}");
        }

        return entry.ContainerId == containerId && entry.InterfaceName == interfaceName
            ? entry
            : throw new CniException($"it is of {entry.ContainerId}, which is not what its name says");
    }
}
