using Crisp.Linux;

namespace Crisp.Images.Import;

/// <summary>An image that lies in a directory. Its symlinks lead nowhere outside.</summary>
internal sealed class LayoutDirectory(FileDescriptor directory) : IImageFiles
{
    private const ResolveFlags Inside = ResolveFlags.InRoot | ResolveFlags.NoMagicLinks;

    public long? Length(string name)
    {
        using var file = Files.TryOpenAt2(directory, name, OpenFlags.Path, Inside, 0, out _);
        return file is not null && Files.Status(file) is { Type: FileType.Regular } status ? status.Size : null;
    }

    public Stream Open(string name)
    {
        var file = Files.TryOpenAt2(directory, name, OpenFlags.NonBlocking, Inside, 0, out var errno)
            ?? throw ImageException.Bad($"The image's file {name} cannot be opened: {errno.Describe()}.");
        return new FileRegion(file, 0, Files.Status(file).Size, leaveOpen: false);
    }

    public void Dispose() => directory.Dispose();
}
