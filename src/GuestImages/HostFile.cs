namespace Crisp.GuestImages;

/// <summary>Files of the node that a guest image is made from.</summary>
internal static class HostFile
{
    /// <exception cref="GuestImageException">It cannot be read, or is longer than the limit.</exception>
    internal static byte[] Read(string kind, string path, long limit)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > limit)
            {
                throw new GuestImageException($"The {kind} {path} has {file.Length} bytes; a {kind} has at most {limit}.");
            }

            var content = new byte[file.Length];
            file.ReadExactly(content);
            return content;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GuestImageException($"The {kind} {path} cannot be read: {e.Message}", e);
        }
    }
}
