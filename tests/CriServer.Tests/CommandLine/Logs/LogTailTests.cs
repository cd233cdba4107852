using Crisp.CriServer.CommandLine.Logs;
using Crisp.Linux;
using CsCheck;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Logs;

public sealed class LogTailTests
{
    [Fact]
    public void AnyLog_BeginsAtItsLastLines()
    {
        using var directory = new TemporaryDirectory();
        Gen.Select(CriLog.Writes, Gen.Int[0, 12]).Sample(
            (writes, count) =>
            {
                // One stream: with two, the end of a line of the other may stand among the last.
                var all = writes.Select(w => (IsError: false, w.Content, w.IsPartial)).ToArray();
                var log = CriLog.Of(all);
                var printed = log[(int)Offset(directory.Combine("log"), log, count)..];
                Assert.Equal(Last(all, count), printed);
            },
            threads: 1);
    }

    [Fact]
    public void LinesLongerThanABlock_AreCounted()
    {
        using var directory = new TemporaryDirectory();
        var lines = Enumerable.Range(0, 5).Select(i => new string((char)('a' + i), 70_000)).ToArray();
        var log = CriLog.Lines(lines);
        Assert.Equal(log.Length - CriLog.Lines(lines[3..]).Length, Offset(directory.Combine("log"), log, 2));
    }

    [Fact]
    public void TextThatIsNoRecord_IsCountedByItsNewlines()
    {
        using var directory = new TemporaryDirectory();
        Assert.Equal(4, Offset(directory.Combine("log"), "one\ntwo\nthree"u8.ToArray(), 2));
    }

    private static long Offset(string path, byte[] log, int count)
    {
        File.WriteAllBytes(path, log);
        using var file = Files.Open(path, OpenFlags.ReadOnly);
        return LogTail.Offset(file, count);
    }

    // The same from the front: lines are runs of records up to one with tag F, or up to the log's end.
    private static byte[] Last((bool IsError, byte[] Content, bool IsPartial)[] writes, int count)
    {
        var lines = new List<List<(bool, byte[], bool)>>();
        var goesOn = false;
        foreach (var write in writes)
        {
            if (!goesOn)
            {
                lines.Add([]);
            }

            lines[^1].Add(write);
            goesOn = write.IsPartial;
        }

        return CriLog.Of(lines.TakeLast(count).SelectMany(l => l));
    }
}
