namespace Crisp.Images.Import;

/// <summary>The files of an image on disk, by names relative to its top: a directory, or a tar archive of it.</summary>
internal interface IImageFiles : IDisposable
{
    /// <summary>Bytes, or null when there is no such file.</summary>
    public long? Length(string name);

    /// <summary>From the beginning; may be called from many threads at once.</summary>
    /// <exception cref="ImageException">There is no such file.</exception>
    public Stream Open(string name);
}

/// <summary>Whole small files.</summary>
internal static class ImageFilesExtensions
{
    /// <exception cref="ImageException">It is missing, or larger than the limit.</exception>
    internal static byte[] Read(this IImageFiles files, string name, int limit)
    {
        var length = files.Length(name) ?? throw ImageException.Bad($"The image has no file {name}.");
        if (length > limit)
        {
            throw ImageException.Bad($"The image's file {name} has {length} bytes; at most {limit} are read.");
        }

        using var stream = files.Open(name);
        var content = new byte[length];
        stream.ReadExactly(content);
        return content;
    }
}
