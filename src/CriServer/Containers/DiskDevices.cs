using Crisp.CriServer.Hosting;
using Crisp.CriServer.Sandboxes;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Grpc.Core;

namespace Crisp.CriServer.Containers;

/// <summary>Block devices of the node for the disks of virtual machines.</summary>
internal static class DiskDevices
{
    /// <summary>The file at the path, which is a block device.</summary>
    /// <returns>Of O_PATH: what is another device is never opened, which could have effects.</returns>
    /// <exception cref="CriException">INVALID_ARGUMENT: it is not there, or no block device.</exception>
    public static FileDescriptor Find(string path, out FileStatus status)
    {
        FileDescriptor? file = null;
        try
        {
            file = Files.Open(path, OpenFlags.Path);
            status = Files.Status(file);
            return status.Type == FileType.BlockDevice ? file : throw VmLimits.Refused($"the node's device {path}", "its kernel has no driver for it");
        }
        catch (Exception e)
        {
            file?.Dispose();
            throw e is LinuxException ? Failure(StatusCode.InvalidArgument, path, e) : e;
        }
    }

    /// <summary>Opens the block device of a disk, for what the container may do with it.</summary>
    /// <exception cref="CriException">It cannot be opened so.</exception>
    public static FileDescriptor Open(DiskSpec disk)
    {
        var path = ((BlockDeviceSource)disk.Source).Path;
        using var file = Find(path, out _);
        try
        {
            return Files.Open(file.ProcPath, disk.IsReadOnly ? OpenFlags.ReadOnly : OpenFlags.ReadWrite);
        }
        catch (LinuxException e)
        {
            throw Failure(StatusCode.FailedPrecondition, path, e);
        }
    }

    private static CriException Failure(StatusCode code, string path, Exception cause)
        => new(code, $"The device {path} cannot be given to the container: {cause.Message}.", cause);
}
