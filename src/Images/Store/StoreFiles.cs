using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Crisp.Linux;

namespace Crisp.Images.Store;

/// <summary>
/// The store's directories, all of mode 0700 on one filesystem: <c>blobs</c> (configs and manifests, HEX), <c>images</c>
/// (records, HEX.json), <c>layers</c> (NAME/fs and NAME/layer.json), <c>work</c> (half-made things, emptied at start),
/// <c>ingest</c> (downloads that may go on after a death) and <c>damaged</c> (what could not be read). Things appear by
/// rename, after they are on the disk.
/// </summary>
internal sealed class StoreFiles : IDisposable
{
    internal const string LayerRecordName = "layer.json";
    internal const string LayerContentName = "fs";
    internal const string RecordSuffix = ".json";
    private const string DamagedName = "damaged";
    private const string TemporarySuffix = ".tmp";
    private const int MaxRecord = 16 << 20;
    private const int BlockSize = 512;
    private int _names;

    private StoreFiles(string path, FileDescriptor top)
    {
        Path = path;
        Top = top;
        Blobs = MakeDirectory("blobs");
        Images = MakeDirectory("images");
        Layers = MakeDirectory("layers");
        Work = MakeDirectory("work");
        Ingest = MakeDirectory("ingest");
        Damaged = MakeDirectory(DamagedName);
        Sync = new SyncGate(top);
    }

    internal string Path { get; }

    internal FileDescriptor Top { get; }

    internal FileDescriptor Blobs { get; }

    internal FileDescriptor Images { get; }

    internal FileDescriptor Layers { get; }

    internal FileDescriptor Work { get; }

    internal FileDescriptor Ingest { get; }

    internal FileDescriptor Damaged { get; }

    /// <exception cref="ImageException">Another process has the store.</exception>
    internal static StoreFiles Open(string path)
    {
        Directory.CreateDirectory(path, (UnixFileMode)0x1C0);
        var top = Files.Open(path, OpenFlags.Directory | OpenFlags.NoFollow);
        Files.Fchmod(top, 0x1C0);
        if (Files.TryLock(top))
        {
            return new StoreFiles(path, top);
        }

        top.Dispose();
        throw new ImageException(ImageError.Store, $"Another process works on the image store {path}.");
    }

    /// <summary>A new, empty directory in work.</summary>
    internal string MakeWork()
    {
        var name = NewName();
        Files.MkdirAt(Work, name, 0x1C0);
        return WorkPath(name);
    }

    internal string NewName() => $"{Interlocked.Increment(ref _names)}";

    internal string WorkPath(string name) => System.IO.Path.Combine(Path, "work", name);

    internal string LayerPath(string name) => System.IO.Path.Combine(Path, "layers", name, LayerContentName);

    internal SyncGate Sync { get; }

    /// <summary>Writes a file of one of the directories so that at any instant the old content or the new is there, whole.</summary>
    internal static void Write(FileDescriptor directory, string name, ReadOnlySpan<byte> content)
        => AtomicFile.Write(directory, $".{name}{TemporarySuffix}", name, content);

    /// <summary>Writes a new file of a directory that is not visible yet and will be synced as a whole.</summary>
    internal static void WriteUnsynced(FileDescriptor directory, string name, ReadOnlySpan<byte> content)
    {
        using var file = Files.OpenAt(directory, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.NoFollow, 0x180);
        Files.WriteAll(file, content);
    }

    /// <exception cref="LinuxException">It cannot be read, or is larger than the limit.</exception>
    internal static byte[] Read(FileDescriptor directory, string name, int limit = MaxRecord)
    {
        using var file = Files.OpenAt(directory, name, OpenFlags.NoFollow | OpenFlags.NonBlocking);
        return Files.ReadToEnd(file, limit);
    }

    internal static T? ReadRecord<T>(FileDescriptor directory, string name, JsonTypeInfo<T> type)
        => JsonSerializer.Deserialize(Read(directory, name), type);

    /// <summary>Whether the file is the first half of a <see cref="Write"/> that never came to its end.</summary>
    internal static bool IsTemporary(string name) => name.StartsWith('.') && name.EndsWith(TemporarySuffix, StringComparison.Ordinal);

    /// <summary>Moves a file or a directory to damaged.</summary>
    internal DamagedFile SetAside(FileDescriptor directory, string name, string reason)
    {
        var newName = $"{name}.{DateTime.UtcNow:yyyyMMddTHHmmssfffffff}";
        Files.RenameAt2(directory, name, Damaged, newName);
        return new DamagedFile(System.IO.Path.Combine(Path, DamagedName, newName), reason);
    }

    /// <summary>What everything but the content of layers takes; that is counted once, when it is made.</summary>
    internal (long Bytes, long Inodes) MeasureRest(IEnumerable<string> layers)
    {
        var own = layers.SelectMany(name => (string[])[name, $"{name}/{LayerRecordName}"]).Prepend(".")
            .Select(path => Files.TryStatusAt(Layers, path, out _)).OfType<FileStatus>()
            .Prepend(Files.Status(Top)).ToList();
        var (bytes, inodes) = (own.Sum(s => s.Blocks * BlockSize), (long)own.Count);
        foreach (var name in (string[])["blobs", "images", "work", "ingest", DamagedName])
        {
            var usage = DiskUsage.Measure(System.IO.Path.Combine(Path, name))!;
            (bytes, inodes) = (bytes + (long)usage.Bytes, inodes + (long)usage.Inodes);
        }

        return (bytes, inodes);
    }

    public void Dispose()
    {
        foreach (var directory in (FileDescriptor[])[Blobs, Images, Layers, Work, Ingest, Damaged, Top])
        {
            directory.Dispose();
        }
    }

    private FileDescriptor MakeDirectory(string name)
    {
        if (Files.TryStatusAt(Top, name, out _) is null)
        {
            Files.MkdirAt(Top, name, 0x1C0);
            Files.Fsync(Top);
        }

        return Files.OpenAt(Top, name, OpenFlags.Directory | OpenFlags.NoFollow);
    }
}
