using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Crisp.Linux;

namespace Crisp.CriServer.State;

/// <summary>
/// One directory with one JSON file for each record. A write is a temporary file, fsync, rename, fsync of the directory: at
/// any instant the old record or the new one is there, whole. What cannot be read is set aside and reported, never fatal.
/// </summary>
public sealed class RecordStore<T> : IDisposable
    where T : class, IRecord
{
    private const int MaxBytes = 16 << 20;
    private const string Suffix = ".json";
    private const string TemporarySuffix = ".tmp";
    private readonly string _path;
    private readonly string _setAside;
    private readonly int _version;
    private readonly JsonTypeInfo<T> _type;
    private readonly FileDescriptor _directory;

    /// <param name="path">Made with mode 0700 where it is missing.</param>
    /// <param name="setAside">Where unreadable files are moved, on the same filesystem.</param>
    /// <param name="version">The highest version that this build reads.</param>
    public RecordStore(string path, string setAside, int version, JsonTypeInfo<T> type)
    {
        _path = path;
        _setAside = setAside;
        _version = version;
        _type = type;
        PrivateDirectory.Create(path);
        _directory = Files.Open(path, OpenFlags.Directory);
    }

    /// <summary>Every record that can be read. Temporary files of a write that never finished are removed.</summary>
    public IReadOnlyList<T> Load(ICollection<RecordProblem> problems)
    {
        var records = new List<T>();
        foreach (var name in Files.ReadDirectory(_directory))
        {
            if (name.EndsWith(TemporarySuffix, StringComparison.Ordinal))
            {
                Files.UnlinkAt(_directory, name);
            }
            else if (Read(name, out var reason) is { } record)
            {
                records.Add(record);
            }
            else
            {
                problems.Add(new RecordProblem(SetAside(name), reason));
            }
        }

        return records;
    }

    /// <summary>Replaces the record or adds it. On return it is on the disk.</summary>
    /// <exception cref="LinuxException">ENOSPC and the like: the record before is untouched.</exception>
    public void Write(T record)
    {
        var temporary = $".{record.Id}{TemporarySuffix}";
        AtomicFile.Prepare(_directory, temporary, JsonSerializer.SerializeToUtf8Bytes(record, _type));
        Failpoint.Hit(FailpointName.RecordWritten);
        Files.RenameAt2(_directory, temporary, _directory, record.Id + Suffix);
        Failpoint.Hit(FailpointName.RecordRenamed);
        Files.Fsync(_directory);
    }

    /// <summary>Removes the record. Idempotent.</summary>
    public void Delete(string id)
    {
        Files.UnlinkIfThere(_directory, id + Suffix);
        Failpoint.Hit(FailpointName.RecordUnlinked);
        Files.Fsync(_directory);
    }

    public void Dispose() => _directory.Dispose();

    private T? Read(string name, out string reason)
    {
        try
        {
            using var file = Files.OpenAt(_directory, name, OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlocking);
            var bytes = Files.ReadToEnd(file, MaxBytes);
            using (var document = JsonDocument.Parse(bytes))
            {
                var version = document.RootElement.GetProperty("version").GetInt32();
                if (version is < 1 || version > _version)
                {
                    reason = $"It has version {version}; this build reads up to {_version}.";
                    return null;
                }
            }

            var record = JsonSerializer.Deserialize(bytes, _type);
            reason = record is null ? "It is null." : $"It is the record of {record.Id}, which is not what its name says.";
            return record is not null && record.Id + Suffix == name ? record : null;
        }
        catch (Exception e) when (e is JsonException or LinuxException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            // Whatever is wrong with one file concerns this file alone: it is reported, and the daemon starts.
            reason = e.Message;
            return null;
        }
    }

    private string SetAside(string name)
    {
        PrivateDirectory.Create(_setAside);
        var path = Path.Combine(_setAside, $"{name}.{DateTime.UtcNow:yyyyMMddTHHmmssfff}");
        Files.RenameAt2(FileDescriptor.CurrentDirectory, Path.Combine(_path, name), FileDescriptor.CurrentDirectory, path);
        return path;
    }
}
