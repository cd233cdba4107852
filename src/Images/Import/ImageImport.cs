using Crisp.Images.Archives;
using Crisp.Images.Import;
using Crisp.Linux;

namespace Crisp.Images;

/// <summary>Brings images in from this node's files.</summary>
public static class ImageImport
{
    /// <summary>
    /// Imports an OCI layout (a directory, or a tar archive of one) or a docker archive. Archives may be compressed by gzip or
    /// zstd as a whole.
    /// </summary>
    /// <param name="path">Absolute.</param>
    /// <param name="name">The image's name, instead of those in the archive, which then must have one image alone.</param>
    /// <returns>The images, in the archive's order.</returns>
    /// <exception cref="ImageException">It is no image, or not one for this node.</exception>
    /// <exception cref="LinuxException">The path cannot be read, or the store cannot be written.</exception>
    public static async Task<IReadOnlyList<ImageRecord>> RunAsync(
        ImageStore store, string path, string? name, IProgress<ImportProgress>? progress, CancellationToken cancellation)
    {
        if (!Path.IsPathFullyQualified(path))
        {
            throw ImageException.Invalid($"\"{path}\" is not an absolute path.");
        }

        var reference = name is null ? null : ImageReference.Parse(name);
        using var files = Open(store, path, cancellation);
        var contents = Read(files, path);
        if (reference is not null && contents.Count != 1)
        {
            throw ImageException.Invalid($"{path} has {contents.Count} images, so that no one name can be given to it.");
        }

        var images = new List<ImageRecord>();
        foreach (var content in contents)
        {
            images.Add(await store.AddAsync(Named(content, reference), progress, cancellation));
        }

        return images;
    }

    private static List<ImportedContent> Read(IImageFiles files, string path)
    {
        // Newer versions of docker save write both into one archive; the OCI half has digests.
        return OciLayout.IsIn(files) ? OciLayout.Read(files)
            : DockerArchive.IsIn(files) ? DockerArchive.Read(files)
            : throw ImageException.Bad($"{path} is neither an OCI layout (oci-layout and index.json) nor a docker archive (manifest.json).");
    }

    private static ImageContent Named(ImportedContent imported, ImageReference? name)
    {
        if (name?.Digest is { } digest && digest != imported.Target)
        {
            throw ImageException.Invalid($"The image has not the digest of the name {name}, but {imported.Target?.ToString() ?? "none"}.");
        }

        var names = name is null ? imported.Names : [name];
        return imported.Content with
        {
            RepoTags = [.. names.Select(n => n.RepoTag).OfType<string>().Distinct()],
            RepoDigests = imported.Target is null ? [] : [.. names.Select(n => $"{n.Name}@{imported.Target}").Distinct()],
        };
    }

    private static IImageFiles Open(ImageStore store, string path, CancellationToken cancellation)
    {
        // Not blocking: a fifo would make the daemon wait for a writer.
        var file = Files.Open(path, OpenFlags.ReadOnly | OpenFlags.NonBlocking | OpenFlags.NoTerminal);
        try
        {
            var status = Files.Status(file);
            return status.Type switch
            {
                FileType.Directory => new LayoutDirectory(file),
                FileType.Regular => ArchiveFile.Open(Plain(store, file, status.Size, cancellation)),
                _ => throw ImageException.Invalid($"{path} is neither a directory nor a regular file."),
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // A compressed archive cannot be read at any place: it is unpacked into a file without a name.
    private static FileDescriptor Plain(ImageStore store, FileDescriptor file, long size, CancellationToken cancellation)
    {
        using var stream = new FileRegion(file, 0, size, leaveOpen: true);
        using var plain = Decompression.Open(stream, out var isCompressed);
        if (!isCompressed)
        {
            return file;
        }

        var copy = store.MakeTemporaryFile();
        try
        {
            Copy(plain, copy, cancellation);
            file.Dispose();
            return copy;
        }
        catch (Exception error)
        {
            copy.Dispose();
            if (Decompression.IsBadData(error))
            {
                throw ImageException.Bad($"The archive is not what its compression says: {error.Message}", error);
            }

            throw;
        }
    }

    private static void Copy(Stream from, FileDescriptor to, CancellationToken cancellation)
    {
        var buffer = new byte[128 * 1024];
        var length = 0L;
        for (int count; (count = from.Read(buffer)) > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            length += count;
            if (length > TarLimits.Archive.Bytes)
            {
                throw ImageException.Bad($"The archive has more than {TarLimits.Archive.Bytes} bytes once decompressed.");
            }

            Files.WriteAll(to, buffer.AsSpan(0, count));
        }
    }
}
