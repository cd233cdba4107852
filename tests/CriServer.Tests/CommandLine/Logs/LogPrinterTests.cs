using System.Text;
using Crisp.CriServer.CommandLine.Logs;
using CsCheck;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Logs;

public sealed class LogPrinterTests
{
    [Fact]
    public void AnyOutputInAnyPieces_IsPrintedAsItWasWritten() => Gen.Select(CriLog.Writes, Gen.Int[1, 70].Array[1, 10]).Sample((writes, pieces) =>
    {
        var (output, error) = Print(CriLog.Of(writes), pieces);
        Assert.Equal(CriLog.Stream(writes, isError: false), output);
        Assert.Equal(CriLog.Stream(writes, isError: true), error);
    });

    [Fact]
    public void AnyBytesAtAll_ArePrinted() => Gen.Byte.Array.Sample(bytes =>
    {
        // What is no record is passed through; a newline is added only where the file has none at its end.
        var (output, _) = Print(bytes, [3]);
        Assert.Equal(bytes is [] or [.., (byte)'\n'] ? bytes : [.. bytes, (byte)'\n'], output);
    });

    [Fact]
    public void Time_BeginsEachLineAndNotEachRecord()
    {
        byte[] log =
        [
            .. CriLog.Record(false, "one "u8.ToArray(), true),
            .. CriLog.Record(true, "other"u8.ToArray(), false),
            .. CriLog.Record(false, "line"u8.ToArray(), false),
            .. CriLog.Record(false, "next"u8.ToArray(), false),
        ];
        var (output, error) = Print(log, [1000], timestamps: true);
        Assert.Equal($"{CriLog.Time} one line\n{CriLog.Time} next\n", Encoding.UTF8.GetString(output));
        Assert.Equal($"{CriLog.Time} other\n", Encoding.UTF8.GetString(error));
    }

    [Fact]
    public void StreamsThatAreOneTerminal_KeepTheirOrder()
    {
        using var terminal = new MemoryStream();
        using var output = new BufferedStream(terminal);
        using var error = new BufferedStream(terminal);
        var printer = new LogPrinter(output, error, timestamps: false);
        new LineSplitter(printer.Print).Add(CriLog.Of([(false, "1"u8.ToArray(), false), (true, "2"u8.ToArray(), false), (false, "3"u8.ToArray(), false)]));
        printer.Flush();
        Assert.Equal("1\n2\n3\n", Encoding.UTF8.GetString(terminal.ToArray()));
    }

    [Fact]
    public void LineWithoutEnd_TakesNoMoreMemoryThanTheLongestLine()
    {
        var longest = 0;
        var splitter = new LineSplitter(line => longest = Math.Max(longest, line.Length));
        for (var i = 0; i < 64; i++)
        {
            splitter.Add(new byte[64 * 1024]);
        }

        Assert.Equal(LineSplitter.LongestLine, longest);
    }

    private static (byte[] Output, byte[] Error) Print(byte[] log, int[] pieces, bool timestamps = false)
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        var lines = new LineSplitter(new LogPrinter(output, error, timestamps).Print);
        for (var (start, i) = (0, 0); start < log.Length; i++)
        {
            var length = Math.Min(pieces[i % pieces.Length], log.Length - start);
            lines.Add(log.AsSpan(start, length));
            start += length;
        }

        lines.Finish();
        return (output.ToArray(), error.ToArray());
    }
}
