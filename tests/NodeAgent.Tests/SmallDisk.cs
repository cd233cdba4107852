using System.Diagnostics;
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
        Run("mount", "-t", "tmpfs", "-o", "size=64k", "crisp-small", path);
        return new SmallDisk(path);
    }

    public void Dispose() => Run("umount", _path);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
