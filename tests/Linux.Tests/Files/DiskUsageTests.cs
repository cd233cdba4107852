using System.Diagnostics;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class DiskUsageTests
{
    [Fact]
    public void EmptyDirectory_IsOneInode()
    {
        using var temporary = new TemporaryDirectory();
        Assert.Equal(1UL, DiskUsage.Measure(temporary.Path)!.Inodes);
    }

    [Fact]
    public void Tree_CountsAsDuDoes()
    {
        using var temporary = new TemporaryDirectory();
        for (var i = 0; i < 30; i++)
        {
            var directory = Directory.CreateDirectory(temporary.File($"d{i}/e/f/{i}")).FullName;
            File.WriteAllBytes(Path.Combine(directory, "file"), new byte[i * 1000]);
            File.WriteAllBytes(temporary.File($"d{i}/file"), new byte[1]);
            File.CreateSymbolicLink(temporary.File($"d{i}/link"), "/usr");
        }

        var usage = DiskUsage.Measure(temporary.Path)!;
        Assert.Equal(Du("--block-size=1", temporary.Path), usage.Bytes);
        Assert.Equal(Du("--inodes", temporary.Path), usage.Inodes);
    }

    [Fact]
    public void FileWithSeveralNames_CountsOnce()
    {
        using var temporary = new TemporaryDirectory();
        using var directory = Files.Open(temporary.Path, OpenFlags.Directory);
        File.WriteAllBytes(temporary.File("one"), new byte[100_000]);
        Directory.CreateDirectory(temporary.File("sub"));
        Files.LinkAt(directory, "one", directory, "sub/two");
        var usage = DiskUsage.Measure(temporary.Path)!;
        Assert.Equal(3UL, usage.Inodes);
        Assert.Equal(Du("--block-size=1", temporary.Path), usage.Bytes);
    }

    [Fact]
    public void Depth_BeyondEveryPathLength_IsCounted()
    {
        const int Depth = 6000;
        using var temporary = new TemporaryDirectory();
        var current = Files.Open(temporary.Path, OpenFlags.Directory);
        for (var i = 0; i < Depth; i++)
        {
            Files.MkdirAt(current, "d", 0x1C0);
            var next = Files.OpenAt(current, "d", OpenFlags.Directory);
            current.Dispose();
            current = next;
        }

        current.Dispose();
        Assert.Equal(Depth + 1UL, DiskUsage.Measure(temporary.Path)!.Inodes);

        // .NET's own removal stops where paths become too long.
        using var rm = Process.Start("rm", ["-rf", temporary.File("d")]);
        rm.WaitForExit();
    }

    [Fact]
    public void Limit_EndsTheWalkWithoutAResult()
    {
        using var temporary = new TemporaryDirectory();
        for (var i = 0; i < 20; i++)
        {
            File.WriteAllText(temporary.File($"{i}"), "");
        }

        Assert.Null(DiskUsage.Measure(temporary.Path, limit: 10));
        Assert.Equal(21UL, DiskUsage.Measure(temporary.Path, limit: 21)!.Inodes);
    }

    [Fact]
    public void OtherFilesystem_IsNotEntered()
    {
        Root.Required();
        using var temporary = new TemporaryDirectory();
        var mountPoint = Directory.CreateDirectory(temporary.File("mount")).FullName;
        Mounts.Mount("tmpfs", mountPoint, "tmpfs", MountFlags.None, "size=1m");
        try
        {
            File.WriteAllBytes(Path.Combine(mountPoint, "file"), new byte[1000]);
            Assert.Equal(1UL, DiskUsage.Measure(temporary.Path)!.Inodes);
        }
        finally
        {
            Mounts.Umount2(mountPoint, UnmountFlags.Detach);
        }
    }

    [Fact]
    public async Task DirectoriesMovedMeanwhile_CostNothingButThemselves()
    {
        using var temporary = new TemporaryDirectory();
        var tree = Directory.CreateDirectory(temporary.File("tree")).FullName;
        foreach (var side in new[] { "a", "b" })
        {
            for (var i = 0; i < 40; i++)
            {
                Directory.CreateDirectory(Path.Combine(tree, side, $"{i}", "x", "y"));
            }
        }

        using var stop = new CancellationTokenSource();
        var mover = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Directory.Move(Path.Combine(tree, "a", "7", "x"), Path.Combine(tree, "b", "moved"));
                Directory.Move(Path.Combine(tree, "b", "moved"), Path.Combine(tree, "a", "7", "x"));
            }
        });
        var counts = Enumerable.Range(0, 200).Select(_ => DiskUsage.Measure(tree)!.Inodes).ToList();
        await stop.CancelAsync();
        await mover;

        // 243 directories, two of which move: these may be met twice or not at all.
        Assert.All(counts, count => Assert.InRange(count, 241UL, 245UL));
    }

    private static ulong Du(string option, string path)
    {
        using var du = Process.Start(new ProcessStartInfo("du", ["-s", option, path]) { RedirectStandardOutput = true })!;
        return ulong.Parse(du.StandardOutput.ReadToEnd().Split('\t')[0]);
    }
}
