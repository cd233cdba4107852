using Crisp.Linux;
using Xunit;

namespace Crisp.NodeAgent.Tests;

/// <summary>A filesystem of 64 KiB over a directory, gone at the end.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _path;

    private SmallDisk(string path) => _path = path;

    public static SmallDisk Mount(string path)
    {
        Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
        Mounts.Mount("crisp-small", path, "tmpfs", MountFlags.None, "size=64k");
        return new SmallDisk(path);
    }

    public void Dispose() => Mounts.Umount2(_path);
}
