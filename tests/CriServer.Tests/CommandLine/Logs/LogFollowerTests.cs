using System.Diagnostics;
using System.Text;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.CommandLine.Logs;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Logs;

public sealed class LogFollowerTests : IDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(5);
    private readonly TemporaryDirectory _directory = new();
    private readonly MemoryStream _output = new();
    private volatile bool _hasEnded;

    private string Log => _directory.Combine("0.log");

    public void Dispose()
    {
        _output.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task NumberedLines_AllArriveOverRotations()
    {
        const int Lines = 3000;
        File.WriteAllText(Log, "");
        var follow = FollowAsync();
        var expected = new List<string>();
        var file = File.AppendText(Log);
        for (var i = 0; i < Lines; i++)
        {
            await WriteAsync(file, $"line {i}", expected);
            if (i % 500 == 499)
            {
                // As the kubelet does it: renames, then has the log reopened. Lines come in between.
                File.Move(Log, $"{Log}.{i}");
                await WriteAsync(file, $"after rename {i}", expected);
                await file.DisposeAsync();
                file = File.AppendText(Log);
                await WriteAsync(file, $"after reopening {i}", expected);

                // It rotates at most every ten seconds, so that nobody misses a whole file.
                await UntilAsync(() => Printed.Length == expected.Count);
            }
        }

        await file.DisposeAsync();
        _hasEnded = true;
        await follow;
        Assert.Equal(expected, Printed);
    }

    [Fact]
    public async Task LogThatDoesNotExistYet_IsWaitedFor()
    {
        var follow = FollowAsync();
        await Task.Delay(_interval * 4);
        File.WriteAllBytes(Log, CriLog.Lines("first"));
        _hasEnded = true;
        await follow;
        Assert.Equal(["first"], Printed);
    }

    [Fact]
    public async Task LogThatIsCutInPlace_IsReadFromItsBeginning()
    {
        File.WriteAllBytes(Log, CriLog.Lines("a long line before the cut"));
        var follow = FollowAsync();
        await UntilAsync(() => Printed.Length == 1);
        using (var file = File.OpenWrite(Log))
        {
            file.SetLength(0);
            file.Write(CriLog.Lines("after"));
        }

        _hasEnded = true;
        await follow;
        Assert.Equal(["a long line before the cut", "after"], Printed);
    }

    [Fact]
    public async Task Tail_LeavesOutWhatWasThereAndShowsWhatComes()
    {
        File.WriteAllBytes(Log, CriLog.Lines("old", "last"));
        var follow = FollowAsync(tail: 1);
        await UntilAsync(() => Printed.Length == 1);
        File.AppendAllBytes(Log, CriLog.Lines("new"));
        _hasEnded = true;
        await follow;
        Assert.Equal(["last", "new"], Printed);
    }

    [Fact]
    public async Task Cancellation_EndsIt()
    {
        File.WriteAllText(Log, "");
        using var source = new CancellationTokenSource(_interval * 4);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => FollowAsync(cancellation: source.Token));
    }

    [Fact]
    public void LogThatIsNoFile_IsRefused()
    {
        var error = Assert.Throws<CommandException>(() => LogFile.TryOpen(_directory.Path));
        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
    }

    private string[] Printed
    {
        get
        {
            lock (_output)
            {
                return Encoding.UTF8.GetString(_output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            }
        }
    }

    private async Task FollowAsync(int? tail = null, CancellationToken cancellation = default)
    {
        using var follower = new LogFollower(Log, _ => Task.FromResult(_hasEnded), _interval);
        if (tail is not null)
        {
            follower.SeekTail(tail.Value);
        }

        var printer = new LogPrinter(_output, Stream.Null, timestamps: false);
        var lines = new LineSplitter(line =>
        {
            lock (_output)
            {
                printer.Print(line);
            }
        });
        await follower.RunAsync(lines, printer.Flush, cancellation);
    }

    private static async Task WriteAsync(StreamWriter file, string line, List<string> written)
    {
        await file.WriteAsync(Encoding.UTF8.GetString(CriLog.Lines(line)));
        await file.FlushAsync();
        written.Add(line);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var clock = Stopwatch.StartNew(); !condition();)
        {
            Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(30));
            await Task.Delay(5);
        }
    }
}
