using Crisp.Images.Archives;
using Crisp.Images.Layers;
using Crisp.Linux;

namespace Crisp.Images.Import;

/// <summary>
/// An image in a tar archive. One pass notes where its files lie; then each is read where it is, all layers at once.
/// </summary>
internal sealed class ArchiveFile : IImageFiles
{
    private const int MaxLinks = 40;
    private readonly FileDescriptor _file;
    private readonly Dictionary<string, (long Start, long Length)> _regions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);

    private ArchiveFile(FileDescriptor file)
    {
        _file = file;
    }

    /// <param name="file">A regular file, which the result owns.</param>
    internal static ArchiveFile Open(FileDescriptor file)
    {
        var archive = new ArchiveFile(file);
        using var stream = new FileRegion(file, 0, Files.Status(file).Size, leaveOpen: true);
        var reader = new TarReader(stream, TarLimits.Archive);
        while (reader.Next() is { } entry)
        {
            archive.Add(entry, reader.Position);
        }

        return archive;
    }

    public long? Length(string name) => _regions.TryGetValue(Resolve(name), out var region) ? region.Length : null;

    public Stream Open(string name)
        => _regions.TryGetValue(Resolve(name), out var region)
            ? new FileRegion(_file, region.Start, region.Length, leaveOpen: true)
            : throw ImageException.Bad($"The archive has no file {name}.");

    public void Dispose() => _file.Dispose();

    private void Add(TarEntry entry, long position)
    {
        var path = LayerPath.Parse(entry.Name);
        _regions.Remove(path.Text);
        _links.Remove(path.Text);
        switch (entry.Kind)
        {
            case TarEntryKind.File:
                _regions.Add(path.Text, (position, entry.Size));
                break;
            case TarEntryKind.HardLink:
                _links.Add(path.Text, LayerPath.Parse(entry.Target).Text);
                break;
            case TarEntryKind.Symlink when !entry.Target.StartsWith('/'):
                // Older versions of docker save write a layer that comes twice as a symlink.
                _links.Add(path.Text, LayerPath.Parse($"{path.Parent.Text}/{entry.Target}").Text);
                break;
            default:
                break;
        }
    }

    private string Resolve(string name)
    {
        for (var i = 0; i < MaxLinks && _links.TryGetValue(name, out var target); i++)
        {
            name = target;
        }

        return name;
    }
}
