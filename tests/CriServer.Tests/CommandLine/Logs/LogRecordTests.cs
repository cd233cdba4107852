using System.Text;
using Crisp.CriServer.CommandLine.Logs;
using CsCheck;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Logs;

public sealed class LogRecordTests
{
    [Theory]
    [InlineData("2026-01-02T03:04:05.678901234Z stdout F hello world", "hello world", false, false)]
    [InlineData("2026-01-02T03:04:05.678901234+02:00 stderr P hello ", "hello ", true, true)]
    [InlineData("2026-01-02T03:04:05Z stdout F ", "", false, false)]
    [InlineData("2026-01-02T03:04:05Z stdout F", "", false, false)]
    [InlineData("2026-01-02T03:04:05Z stdout P:other x", "x", false, true)]
    [InlineData("2026-01-02T03:04:05Z stdout F  two blanks", " two blanks", false, false)]
    public void Record_IsTakenApart(string line, string content, bool isError, bool isPartial)
    {
        Assert.True(LogRecord.TryParse(Encoding.UTF8.GetBytes(line), out var record));
        Assert.Equal((content, isError, isPartial), (Encoding.UTF8.GetString(record.Content), record.IsError, record.IsPartial));
        Assert.Equal(line.Split(' ')[0], Encoding.UTF8.GetString(record.Time));
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("2026-01-02T03:04:05Z")]
    [InlineData("2026-01-02T03:04:05Z stdout")]
    [InlineData("2026-01-02T03:04:05Z stdout X hello")]
    [InlineData("2026-01-02T03:04:05Z stdin F hello")]
    [InlineData("yesterday stdout F hello")]
    [InlineData("20x6-01-02T03:04:05Z stdout F hello")]
    public void OtherText_IsNoRecord(string line) => Assert.False(LogRecord.TryParse(Encoding.UTF8.GetBytes(line), out _));

    [Fact]
    public void AnyBytes_AreARecordOrNot() => Gen.Byte.Array.Sample(bytes => LogRecord.TryParse(bytes, out var record) || record.Content.IsEmpty);
}
