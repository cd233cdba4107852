using System.Text;
using System.Text.Json;
using Crisp.CriServer.State;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.State;

public sealed class RecordStoreTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordStore<SandboxRecord> _store;

    public RecordStoreTests() => _store = Open();

    public void Dispose()
    {
        _store.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Write_ComesBackWhole()
    {
        var record = Records.Sandbox();
        _store.Write(record);
        var read = Assert.Single(Load(out var problems));
        Assert.Empty(problems);
        Assert.Equal(Json(record), Json(read));
    }

    [Fact]
    public void ContainerRecord_ComesBackWhole()
    {
        using var store = new RecordStore<ContainerRecord>(
            _directory.Combine("c"), _directory.Combine("aside"), ContainerRecord.CurrentVersion, RecordJson.Default.ContainerRecord);
        var record = Records.Container("s");
        store.Write(record);
        var read = Assert.Single(store.Load([]));
        Assert.Equal(
            JsonSerializer.Serialize(record, RecordJson.Default.ContainerRecord), JsonSerializer.Serialize(read, RecordJson.Default.ContainerRecord));
    }

    [Fact]
    public void Write_OfTheSameIdReplaces()
    {
        var record = Records.Sandbox();
        _store.Write(record);
        _store.Write(record with { Stage = SandboxStage.NotReady });
        Assert.Equal(SandboxStage.NotReady, Assert.Single(Load(out _)).Stage);
    }

    [Fact]
    public void Delete_RemovesAndMayBeRepeated()
    {
        var record = Records.Sandbox();
        _store.Write(record);
        _store.Delete(record.Id);
        _store.Delete(record.Id);
        Assert.Empty(Load(out _));
    }

    [Fact]
    public void Records_AreForTheOwnerAlone()
    {
        _store.Write(Records.Sandbox());
        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(_directory.Combine("records")));
        Assert.All(Directory.GetFiles(_directory.Combine("records")), f => Assert.Equal((UnixFileMode)0x180, File.GetUnixFileMode(f)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"version\":2}")]
    [InlineData("{\"version\":0}")]
    [InlineData("{\"version\":\"1\"}")]
    [InlineData("{\"version\":99999999999}")]
    [InlineData("{\"version\":1,\"id\":\"x\"}")]
    [InlineData("\0\0\0\0\0\0\0\0")]
    public void Load_SetsWhatIsNoRecordAside(string content)
    {
        var good = Records.Sandbox();
        _store.Write(good);
        var name = $"{Identifier.Create()}.json";
        File.WriteAllText(Path.Combine(_directory.Combine("records"), name), content);
        Assert.Equal(good.Id, Assert.Single(Load(out var problems)).Id);
        var problem = Assert.Single(problems);
        Assert.Equal(content, File.ReadAllText(problem.Path));
        Assert.NotEmpty(problem.Reason);
        Assert.Single(Load(out problems));
        Assert.Empty(problems);
    }

    [Fact]
    public void Load_SetsARecordCutAtAnyByteAside()
    {
        var record = Records.Sandbox();
        _store.Write(record);
        var path = Path.Combine(_directory.Combine("records"), record.Id + ".json");
        var bytes = File.ReadAllBytes(path);
        for (var length = 0; length < bytes.Length; length += 7)
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.Empty(Load(out var problems));
            Assert.Single(problems);
        }
    }

    [Fact]
    public void Load_SetsARecordUnderAnotherNameAside()
    {
        var record = Records.Sandbox();
        _store.Write(record);
        var records = _directory.Combine("records");
        File.Copy(Path.Combine(records, record.Id + ".json"), Path.Combine(records, Identifier.Create() + ".json"));
        Assert.Single(Load(out var problems));
        Assert.Single(problems);
    }

    [Fact]
    public void Load_SetsAnUnknownMemberAside()
    {
        var record = Records.Sandbox();
        var text = Encoding.UTF8.GetString(JsonSerializer.SerializeToUtf8Bytes(record, RecordJson.Default.SandboxRecord));
        File.WriteAllText(Path.Combine(_directory.Combine("records"), record.Id + ".json"), "{\"surprise\":1," + text[1..]);
        Assert.Empty(Load(out var problems));
        Assert.Contains("surprise", Assert.Single(problems).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FollowsNoSymlinkAndWaitsForNoPipe()
    {
        var records = _directory.Combine("records");
        File.CreateSymbolicLink(Path.Combine(records, Identifier.Create() + ".json"), "/etc/passwd");
        using var directory = Files.Open(records, OpenFlags.Directory);
        Files.MknodAt(directory, Identifier.Create() + ".json", FileType.Fifo, 0x180);
        Files.MkdirAt(directory, Identifier.Create() + ".json", 0x1C0);
        Assert.Empty(Load(out var problems));
        Assert.Equal(3, problems.Count);
    }

    [Fact]
    public void Load_RemovesTheHalfOfAWriteThatNeverEnded()
    {
        var temporary = Path.Combine(_directory.Combine("records"), $".{Identifier.Create()}.tmp");
        File.WriteAllText(temporary, "{");
        Assert.Empty(Load(out var problems));
        Assert.Empty(problems);
        Assert.False(File.Exists(temporary));
    }

    [Fact]
    public void Write_OnAFullDiskKeepsTheOldRecordAndLeavesNothing()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "A small tmpfs needs root.");
        var mountPoint = Directory.CreateDirectory(_directory.Combine("full")).FullName;
        Mounts.Mount("tmpfs", mountPoint, "tmpfs", MountFlags.None, "size=64k");
        try
        {
            using var store = new RecordStore<SandboxRecord>(
                Path.Combine(mountPoint, "records"), _directory.Combine("aside"), 1, RecordJson.Default.SandboxRecord);
            var record = Records.Sandbox();
            store.Write(record);
            Assert.Throws<IOException>(() => File.WriteAllBytes(Path.Combine(mountPoint, "filler"), new byte[128 << 10]));
            var big = record with { Annotations = new Dictionary<string, string> { ["a"] = new('x', 64 << 10) } };
            Assert.Equal(Errno.ENOSPC, Assert.Throws<LinuxException>(() => store.Write(big)).Errno);
            Assert.Equal(Json(record), Json(Assert.Single(store.Load([]))));
            Assert.Single(Directory.GetFileSystemEntries(Path.Combine(mountPoint, "records")));
        }
        finally
        {
            Mounts.Umount2(mountPoint, UnmountFlags.Detach);
        }
    }

    private RecordStore<SandboxRecord> Open() => new(
        _directory.Combine("records"), _directory.Combine("aside"), SandboxRecord.CurrentVersion, RecordJson.Default.SandboxRecord);

    private IReadOnlyList<SandboxRecord> Load(out List<RecordProblem> problems)
    {
        problems = [];
        return _store.Load(problems);
    }

    private static string Json(SandboxRecord record) => JsonSerializer.Serialize(record, RecordJson.Default.SandboxRecord);
}
