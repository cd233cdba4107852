using Crisp.Linux;

namespace Crisp.Images.Layers;

internal sealed partial class LayerApplier
{
    // As the kernel (MAXSYMLINKS).
    private const int MaxSymlinks = 40;

    private FileDescriptor OpenOrMake(LayerPath path)
    {
        do
        {
            if (TryOpen(path) is { } directory)
            {
                return directory;
            }
        }
        while (tree.Complete());

        var links = 0;
        MakeDirectories(path, ref links);
        return TryOpen(path) ?? throw ImageException.Bad($"{path} is no directory, but the archive has an entry inside.");
    }

    private FileDescriptor? TryOpen(LayerPath path)
    {
        var directory = tree.TryOpen(path, out var errno);
        return directory is not null || errno is Errno.ENOENT or Errno.ENOTDIR
            ? directory
            : throw new LinuxException("openat2", errno, path.ToString());
    }

    /// <summary>Directories that neither the archive nor the layers beneath have: root's, 0755, as every runtime makes them.</summary>
    private void MakeDirectories(LayerPath path, ref int links)
    {
        var done = LayerPath.Root;
        foreach (var part in path.Parts)
        {
            var next = done.Append(part);
            var there = TryOpen(next);
            if (there is null)
            {
                using var parent = TryOpen(done) ?? throw ImageException.Bad($"{done} is no directory, but the archive has an entry inside.");
                MakeDirectory(parent, done, part, ref links);
            }

            there?.Dispose();
            done = next;
        }
    }

    private void MakeDirectory(FileDescriptor parent, LayerPath parentPath, string name, ref int links)
    {
        var status = Files.TryStatusAt(parent, name, out _);
        if (status?.Type == FileType.Symlink)
        {
            // It leads nowhere yet: the directory comes to be where it leads.
            var target = Files.ReadlinkAt(parent, name);
            if (++links > MaxSymlinks)
            {
                throw ImageException.Bad($"{parentPath.Append(name)} is a symlink that never ends.");
            }

            MakeDirectories(LayerPath.Parse(target.StartsWith('/') ? target : $"{parentPath.Text}/{target}"), ref links);
            return;
        }

        if (status is not null && !Whiteout.Is(status))
        {
            throw ImageException.Bad($"{parentPath.Append(name)} is no directory, but the archive has an entry inside.");
        }

        if (status is not null)
        {
            Files.UnlinkAt(parent, name);
        }

        var modified = Files.Status(parent).Modified;
        Files.MkdirAt(parent, name, 0x1ED);
        using var made = Files.OpenAt(parent, name, OpenFlags.Directory | OpenFlags.NoFollow);
        Files.Fchmod(made, 0x1ED);
        if (status is not null)
        {
            Whiteout.MakeOpaque(made);
        }

        Files.Utimens(parent, "", Timestamp.Omit, modified);
    }
}
