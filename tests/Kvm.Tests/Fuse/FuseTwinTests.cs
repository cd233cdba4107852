using System.Runtime.ExceptionServices;
using Crisp.Kvm.Fuse;
using Crisp.Kvm.Tests.Driver;
using Crisp.Linux;
using CsCheck;
using Xunit;

namespace Crisp.Kvm.Tests.Fuse;

/// <summary>What a guest does through the device has the results, and leaves the files, that the same calls have on the node.</summary>
public sealed class FuseTwinTests : IDisposable
{
    private static readonly string[] s_names = ["a", "b", "c"];

    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"crisp-twin-{Guid.NewGuid():n}");

    // Which operation, on which paths, with which number.
    private static readonly Gen<(int Kind, int[] Path, int[] Other, int Number)> s_operation
        = Gen.Select(Gen.Int[0, 18], Gen.Int[0, 2].Array[1, 3], Gen.Int[0, 2].Array[1, 3], Gen.Int[0, 5000]);

    [Fact]
    public void AnySequenceOfOperations_IsThatOfTheKernel()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        s_operation.Array[5, 80].Sample(CompareWithoutUmask, iter: 150, threads: 1);
    }

    /// <summary>A guest's kernel has applied the umask already, so the twin has none: on a thread whose mask is its own.</summary>
    private void CompareWithoutUmask((int Kind, int[] Path, int[] Other, int Number)[] operations)
    {
        using var descriptors = FileThread.OpenDescriptors();
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            FileThread.Enter(descriptors);
            failure = Record.Exception(() => Compare(operations));
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private void Compare((int Kind, int[] Path, int[] Other, int Number)[] operations)
    {
        var (shared, twin) = (Path.Combine(_directory, "shared"), Path.Combine(_directory, "twin"));
        Directory.CreateDirectory(shared);
        Directory.CreateDirectory(twin);
        using var exports = new ExportTable();
        exports.Add("data", Files.Open(shared, OpenFlags.Path), ExportOptions.Shared);
        using (var guest = new FuseGuest(exports))
        using (var root = Files.Open(twin, OpenFlags.Path))
        {
            var (through, direct) = (new GuestTree(guest, guest.Walk("data").Node), new HostTree(root));
            foreach (var operation in operations)
            {
                var what = $"{operation.Kind} {string.Join('/', Names(operation.Path))} {string.Join('/', Names(operation.Other))} {operation.Number}";
                Assert.Equal($"{what}: {Do(direct, operation)}", $"{what}: {Do(through, operation)}");
            }

            Assert.Equal(Describe(direct, []), Describe(through, []));
            Assert.Equal(0, guest.Device.Server.Handles);
        }

        Directory.Delete(_directory, recursive: true);
    }

    private static string Do(FileTree tree, (int Kind, int[] Path, int[] Other, int Number) operation)
    {
        var (path, other, number) = (Names(operation.Path), Names(operation.Other), operation.Number);
        return operation.Kind switch
        {
            0 or 1 => tree.Mkdir(path, (uint)number & 0x1FF),
            2 or 3 => tree.Create(path, number % 2 == 0),
            4 => tree.Write(path, (uint)number, [.. Enumerable.Range(0, number).Select(i => (byte)(i * number))]),
            5 => tree.Read(path),
            6 => tree.Truncate(path, (uint)number),
            7 => tree.Unlink(path),
            8 => tree.Rmdir(path),
            9 => tree.Rename(path, other, RenameFlags.None),
            10 => tree.Rename(path, other, number % 2 == 0 ? RenameFlags.NoReplace : RenameFlags.Exchange),
            11 => tree.Link(path, other),
            12 => tree.Symlink(path, string.Join('/', other)),
            13 => tree.Readlink(path),
            14 => tree.Chmod(path, (uint)number & 0xFFF),
            15 => tree.Chown(path, (uint)number, (uint)number / 2),
            16 => tree.SetXattr(path, "user.a", BitConverter.GetBytes(number)),
            17 => tree.Mknod(path, 0x1000 | (uint)number & 0x1FF),
            _ => tree.GetXattr(path, "user.a"),
        };
    }

    private static List<string> Describe(FileTree tree, string[] path)
    {
        List<string> lines = [$"{string.Join('/', path)} {tree.Status(path)} {tree.Read(path)} {tree.Readlink(path)} {tree.GetXattr(path, "user.a")}"];
        var list = tree.List(path);
        if (list != nameof(Errno.ENOTDIR) && list.Length > 0)
        {
            lines.AddRange(list.Split(' ').SelectMany(name => Describe(tree, [.. path, name])));
        }

        return lines;
    }

    private static string[] Names(int[] path) => [.. path.Select(p => s_names[p])];

    public void Dispose()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }
}
