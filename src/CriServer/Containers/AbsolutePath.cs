namespace Crisp.CriServer.Containers;

/// <summary>Paths that others say, of the node or of a container.</summary>
internal static class AbsolutePath
{
    /// <summary>Whether it begins at the root directory and means what it says: without "..", and without a NUL, which would end it early for the kernel.</summary>
    public static bool Is(string path)
        => path.StartsWith('/') && !path.Split('/').Contains("..") && !path.Contains('\0', StringComparison.Ordinal);
}
