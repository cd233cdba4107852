using Crisp.CriServer.Hosting;
using Crisp.Linux;
using Grpc.Core;

namespace Crisp.CriServer.Containers;

/// <summary>The node's side of a bind mount.</summary>
public static class HostPath
{
    /// <summary>
    /// The real path behind the request's, every symlink resolved on the node. A missing one becomes a directory, 0755:
    /// CRI says error, but containerd has always made it and manifests depend on that. A dangling symlink stays an error.
    /// </summary>
    /// <param name="target">Where it is to be mounted, for the error's sentence.</param>
    public static string Resolve(string path, string target)
    {
        if (!path.StartsWith('/') || path.Contains('\0', StringComparison.Ordinal))
        {
            throw CriException.Invalid($"The mount on {target} has the host_path \"{path}\", which is not an absolute path.");
        }

        try
        {
            return RealPath(path);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT && Files.TryStatusAt(FileDescriptor.CurrentDirectory, path, out _) is null)
        {
            return Make(path, target);
        }
        catch (LinuxException e)
        {
            throw Bad(path, target, e);
        }
    }

    private static string RealPath(string path)
    {
        using var file = Files.Open(path, OpenFlags.Path);
        return Files.ReadlinkAt(FileDescriptor.CurrentDirectory, file.ProcPath);
    }

    private static string Make(string path, string target)
    {
        try
        {
            Directory.CreateDirectory(path, (UnixFileMode)0x1ED);
            return RealPath(path);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            throw Bad(path, target, e);
        }
    }

    private static CriException Bad(string path, string target, Exception error) => new(
        StatusCode.InvalidArgument, $"{path} cannot be mounted on {target}: {error.Message.TrimEnd('.')}.", error);
}
