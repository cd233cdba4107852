using Crisp.Linux;
using Xunit;

namespace Crisp.Images.Tests.Overlay;

/// <summary>Every way to tell overlayfs its layers shows the same container.</summary>
public sealed class OverlayMountTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public OverlayMountTests() => Root.Required();

    public static TheoryData<OverlayMethod, int> Methods
    {
        get
        {
            var data = new TheoryData<OverlayMethod, int>();
            foreach (var method in Enum.GetValues<OverlayMethod>())
            {
                data.Add(method, 1);
                data.Add(method, 2);
                data.Add(method, 100);
            }

            return data;
        }
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Methods))]
    public void Overlay_ShowsAllLayersTopFirstAndTakesWrites(OverlayMethod method, int count)
    {
        Require(method);
        var layers = Layers(count);
        var (upper, work) = (_directory.MakeDirectory("upper"), _directory.MakeDirectory("work"));
        using (var mount = OverlayMount.Create(layers, upper, work, method: method))
        {
            Assert.Equal(Enumerable.Range(0, count).Select(i => $"{i}").Append("shared").Order(StringComparer.Ordinal), Names(mount));
            Assert.Equal($"{count - 1}", Read(mount, "shared"));
            Write(mount, "new");
            Write(mount, "0");
        }

        Assert.Equal(["0", "new"], Directory.GetFiles(upper).Select(Path.GetFileName).Order());
        Assert.Equal("0", File.ReadAllText(Path.Combine(layers[^1], "0")));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void VolatileOverlay_HasTheKernelsMarkAndWhatWasWritten(OverlayMethod method, int count)
    {
        Require(method);
        var (upper, work) = (_directory.MakeDirectory("upper"), _directory.MakeDirectory("work"));
        using (var mount = OverlayMount.Create(Layers(count), upper, work, isVolatile: true, method: method))
        {
            Write(mount, "new");
        }

        Assert.True(Directory.Exists(Path.Combine(work, "work/incompat/volatile")));
        Assert.Equal(["new"], Directory.GetFiles(upper).Select(Path.GetFileName));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void ReadOnlyOverlay_RefusesWritesAndCanBecomeWritable(OverlayMethod method, int count)
    {
        Require(method);
        var (upper, work) = (_directory.MakeDirectory("upper"), _directory.MakeDirectory("work"));
        using var mount = OverlayMount.Create(Layers(count), upper, work, readOnly: true, method: method);
        Assert.Equal(Errno.EROFS, Assert.Throws<LinuxException>(() => Write(mount, "new")).Errno);

        // Mount points are made on it before it is handed out.
        Mounts.MountSetAttr(mount, MountAttributes.None, clear: MountAttributes.ReadOnly);
        Write(mount, "new");
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void OverlayWithoutUpper_IsReadOnlyForEver(OverlayMethod method, int count)
    {
        Require(method);
        using var mount = OverlayMount.Create(Layers(count), null, null, method: method);
        Assert.Equal(count + 1, Names(mount).Count());
        Assert.Equal(Errno.EROFS, Assert.Throws<LinuxException>(() => Write(mount, "new")).Errno);
    }

    [Fact]
    public void Overlay_IsNotSeenOnTheNode()
    {
        var layers = Layers(3);
        InNamespaceWithSharedMounts(() =>
        {
            // A namespace of its own, where other tests mount nothing.
            var before = File.ReadAllText("/proc/thread-self/mountinfo");
            foreach (var method in Enum.GetValues<OverlayMethod>().Where(Has))
            {
                using var mount = OverlayMount.Create(layers, null, null, method: method);
                Assert.Equal(before, File.ReadAllText("/proc/thread-self/mountinfo"));
            }

            return before;
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Overlay_OfSharedFilesystems_IsPrivate(int count)
    {
        var layers = Layers(count);
        var place = _directory.MakeDirectory("place");
        var line = InNamespaceWithSharedMounts(() =>
        {
            // Upon a private mount: what is attached to a shared one becomes shared by that.
            Mounts.Mount("place", place, "tmpfs", MountFlags.None);
            Mounts.Mount(null, place, null, MountFlags.Private);
            Directory.CreateDirectory(Path.Combine(place, "image"));
            using var mount = OverlayMount.Create(layers, null, null);
            Mounts.MoveMount(mount, "", FileDescriptor.CurrentDirectory, Path.Combine(place, "image"), MoveMountFlags.FromEmptyPath);
            return File.ReadLines("/proc/thread-self/mountinfo").Single(l => l.Contains($" {place}/image ", StringComparison.Ordinal));
        });

        Assert.DoesNotContain("shared:", line, StringComparison.Ordinal);
        Assert.DoesNotContain("master:", line, StringComparison.Ordinal);
    }

    [Fact]
    public void LayerThatIsMissing_IsNamed()
    {
        var error = Assert.Throws<LinuxException>(() => OverlayMount.Create([_directory.MakeDirectory("a"), _directory.File("missing")], null, null));
        Assert.Equal(Errno.ENOENT, error.Errno);
        Assert.Contains("missing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PathsWithSeparators_AreNames()
    {
        var odd = _directory.MakeDirectory("a:b,c=d\\e");
        File.WriteAllText(Path.Combine(odd, "file"), "");
        var (upper, work) = (_directory.MakeDirectory("up:per,"), _directory.MakeDirectory("wo,rk"));
        foreach (var method in Enum.GetValues<OverlayMethod>().Where(Has))
        {
            using var mount = OverlayMount.Create([odd, _directory.MakeDirectory("plain")], upper, work, method: method);
            Assert.Equal(["file"], Names(mount));
        }
    }

    private static void Require(OverlayMethod method)
        => Assert.SkipUnless(Has(method), $"This kernel's overlayfs cannot do {method}; its best is {OverlayMount.Kernel}.");

    // Each kernel has its best way and all later ones.
    private static bool Has(OverlayMethod method) => method == OverlayMethod.Best || method >= OverlayMount.Kernel;

    private List<string> Layers(int count)
        => [.. Enumerable.Range(0, count).Reverse().Select(i =>
        {
            var layer = _directory.MakeDirectory($"layers/{i:D64}");
            File.WriteAllText(Path.Combine(layer, $"{i}"), $"{i}");
            File.WriteAllText(Path.Combine(layer, "shared"), $"{i}");
            return layer;
        })];

    /// <summary>As on a node with systemd, on a thread that ends afterwards.</summary>
    private static string InNamespaceWithSharedMounts(Func<string> action)
    {
        var task = new Task<string>(
            () =>
            {
                Namespaces.Unshare(NamespaceFlags.Mount);
                Mounts.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Private);
                Mounts.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Shared);
                return action();
            },
            TaskCreationOptions.LongRunning);
        task.Start(TaskScheduler.Default);
        return task.GetAwaiter().GetResult();
    }

    private static IEnumerable<string> Names(FileDescriptor mount)
    {
        using var directory = Files.OpenAt(mount, ".", OpenFlags.Directory);
        return Files.ReadDirectory(directory).Order(StringComparer.Ordinal);
    }

    private static string Read(FileDescriptor mount, string name)
    {
        using var file = Files.OpenAt(mount, name, OpenFlags.ReadOnly);
        return System.Text.Encoding.UTF8.GetString(Files.ReadToEnd(file, 100));
    }

    private static void Write(FileDescriptor mount, string name)
    {
        using var file = Files.OpenAt(mount, name, OpenFlags.WriteOnly | OpenFlags.Create, 0x1A4);
        Files.WriteAll(file, "written"u8);
    }
}
