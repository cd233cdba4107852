using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Vm.Guest;

/// <summary>What containers of a guest have besides the kernel's filesystems: what the monitor exports, the pod's shared memory, and disks.</summary>
internal sealed class GuestMounts : IDisposable
{
    private readonly FileDescriptor _exports;
    private readonly FileDescriptor _sharedMemory;

    /// <param name="directory">
    /// With "exports", whose entries are the exports, "shm", a filesystem for shared memory, and "block", which is /sys/block.
    /// </param>
    public GuestMounts(string directory)
    {
        _exports = Files.Open(Path.Combine(directory, "exports"), OpenFlags.Path | OpenFlags.Directory);
        _sharedMemory = Files.Open(Path.Combine(directory, "shm"), OpenFlags.Path | OpenFlags.Directory);
        Disks = new GuestDisks(Path.Combine(directory, "block"));
    }

    public GuestDisks Disks { get; }

    /// <summary>A detached mount. May block: an export is looked up by the monitor.</summary>
    /// <returns>Null for a source of another kind.</returns>
    /// <exception cref="SandboxException">There is no such export.</exception>
    public FileDescriptor? Open(MountSource source, MountAttributes attributes)
    {
        var mount = source switch
        {
            ExportSource export => OpenExport(export.Name),
            SharedMemorySource => Mounts.OpenTree(_sharedMemory, "", OpenTreeFlags.Clone | OpenTreeFlags.EmptyPath),
            _ => null,
        };
        if (mount is null)
        {
            return null;
        }

        try
        {
            Mounts.MountSetAttr(mount, attributes, propagation: MountFlags.Private, recursive: true);
            return mount;
        }
        catch
        {
            mount.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _exports.Dispose();
        _sharedMemory.Dispose();
    }

    private FileDescriptor OpenExport(string name)
    {
        if (name.Length == 0 || name is "." or ".." || name.Contains('/', StringComparison.Ordinal))
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"\"{name}\" is no name of an export.");
        }

        try
        {
            return Mounts.OpenTree(_exports, name, OpenTreeFlags.Clone | OpenTreeFlags.Recursive | OpenTreeFlags.NoFollow);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESTALE)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"The monitor exports nothing of the name {name}.", e);
        }
    }
}
