using Crisp.Kvm.Fuse;
using Crisp.Kvm.Tests.Driver;
using Crisp.Linux;
using CsCheck;
using Xunit;

namespace Crisp.Kvm.Tests.Fuse;

/// <summary>Whatever a guest sends is answered, and reaches nothing but the export. Corpus/fuse.txt has the form.</summary>
public sealed class FuseFuzzTests : IDisposable
{
    private const int Limit = 40;

    // Requests to sync are no reason to wait for a disk.
    private const string Memory = "/dev/shm";
    private readonly string _directory = Path.Combine(Memory, $"crisp-fuse-fuzz-{Guid.NewGuid():n}");

    public static TheoryData<string> Corpus => [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Corpus/fuse.txt")).Where(l => l.Length > 0 && l[0] != '#')];

    [Theory]
    [MemberData(nameof(Corpus))]
    public void KeptInput_IsHarmless(string line) => Run(Convert.FromHexString(line.Replace(" ", "", StringComparison.Ordinal)));

    [Fact]
    public void AnyBytes_AreHarmless() => Gen.Byte.Array[0, 400].Sample(Run, iter: 300, threads: 1);

    [Fact]
    public void RequestsThatAreNearlyRight_AreHarmless()
    {
        // Operations, nodes and handles that exist, numbers at the edges, names that are and are not.
        var number = Gen.OneOf(Gen.ULong[0, 4], OneOf<ulong>(0UL, uint.MaxValue, ulong.MaxValue, long.MaxValue, 1UL << 63, 4096)).Select(n => BitConverter.GetBytes(n));
        var half = Gen.OneOf(Gen.UInt[0, 9], OneOf(uint.MaxValue, 0x8180U, 0x21B6U, 0x61B6U, 4096U)).Select(n => BitConverter.GetBytes(n));
        var name = OneOf("file\0", "sub\0", "link\0", "..\0", "new\0", "a/b\0", "\0", "user.a\0", "unterminated").Select(n => System.Text.Encoding.ASCII.GetBytes(n));
        var arguments = Gen.OneOf(number, half, name).Array[0, 9].Select(parts => parts.SelectMany(p => p).ToArray());
        var request = Gen.Select(Gen.Byte[1, 52], Gen.Byte[0, 6], arguments).Select(r => new[] { r.Item1, r.Item2, (byte)r.Item3.Length }.Concat(r.Item3).ToArray());
        request.Array[1, Limit].Select(requests => requests.SelectMany(r => r).ToArray()).Sample(Run, iter: 500, threads: 1);
    }

    [Fact]
    public void ChainsInAnyPieces_WithAnyLength_AreAnswered()
    {
        Gen.Select(Gen.Int[0, 120], Gen.Int[0, 200], Gen.Int[1, 40].Array[1, 12], Gen.Byte.Array[0, 80]).Sample(
            input =>
            {
                var (claimed, room, cuts, arguments) = input;
                using var exports = Export();
                using var guest = new FuseGuest(exports);
                var request = guest.Request(FuseGuest.LOOKUP, FuseGuest.Root, arguments, claimed);
                var address = guest.Driver.Allocate(request);
                var output = guest.Driver.Allocate(room + 1);
                var parts = new List<Part>();
                for (int at = 0, i = 0; at < request.Length; i++)
                {
                    var length = Math.Min(cuts[i % cuts.Length], request.Length - at);
                    parts.Add(new Part(address + (ulong)at, length, IsWritable: false));
                    at += length;
                }

                parts.Add(new Part(output, room, IsWritable: true));
                guest.Requests.Add([.. parts]);
                guest.Requests.Notify();
                if (room < 16)
                {
                    guest.Driver.AssertComplains("A FUSE request has no whole header, or no room for that of its reply.");
                }
                else
                {
                    Assert.InRange(guest.Requests.WaitUsed().Length, 16U, (uint)room);
                }
            },
            iter: 150,
            threads: 1);
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private void Run(byte[] input)
    {
        var secret = Path.Combine(_directory, "secret");
        using var exports = Export();
        File.WriteAllText(secret, "secret");
        using var guest = new FuseGuest(exports, new FuseLimits(64, 64));
        var file = guest.Walk("data", "file");
        Assert.Equal((3UL, 1UL), (file.Node, guest.Open(file.Node, 2).Handle));

        for (var at = 0; at + 3 <= input.Length;)
        {
            var (opcode, node, length) = (input[at], input[at + 1], Math.Min(input[at + 2], input.Length - at - 3));
            var arguments = input[(at + 3)..(at + 3 + length)];
            at += 3 + length;
            if ((uint)opcode is FuseGuest.FORGET or FuseGuest.BATCH_FORGET or 36)
            {
                var request = guest.Request(opcode, node, arguments);
                guest.Urgent.Send(new Part(guest.Driver.Allocate(request), request.Length, IsWritable: false));
            }
            else
            {
                guest.Call(opcode, node, arguments, 4096);
            }
        }

        Assert.Equal(0, guest.Init().Error);
        Assert.Equal(0, guest.Getattr(guest.Walk("data").Node).Error);
        Assert.Null(guest.Driver.Complaint);
        Assert.Equal("secret", File.ReadAllText(secret));
        Assert.Equal(["secret", "shared"], Directory.GetFileSystemEntries(_directory).Select(Path.GetFileName).Order());
    }

    private ExportTable Export()
    {
        TreeRemoval.Remove(_directory);
        var shared = Path.Combine(_directory, "shared");
        Directory.CreateDirectory(Path.Combine(shared, "sub"));
        File.WriteAllText(Path.Combine(shared, "file"), "content");
        File.CreateSymbolicLink(Path.Combine(shared, "link"), "../secret");
        var exports = new ExportTable();
        exports.Add("data", Files.Open(shared, OpenFlags.Path), ExportOptions.Shared);
        return exports;
    }

    public void Dispose() => TreeRemoval.Remove(_directory);
}
