using Crisp.Linux;

namespace Crisp.Images.Tests.Builders;

/// <summary>A filesystem in memory that is attached nowhere: gone with its descriptor, whatever happens to the test.</summary>
internal sealed class MemoryDirectory : IDisposable
{
    private readonly FileDescriptor _mount;

    /// <param name="size">As tmpfs(5) has it: 4m.</param>
    internal MemoryDirectory(string size)
    {
        using var context = Mounts.FsOpen("tmpfs");
        Mounts.FsConfigString(context, "size", size);
        Mounts.FsConfigCreate(context);
        _mount = Mounts.FsMount(context);
    }

    internal string Path => _mount.ProcPath;

    public void Dispose() => _mount.Dispose();
}
