using Crisp.CriServer.CommandLine;
using CsCheck;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class TableTests
{
    [Fact]
    public void Columns_AreAsWideAsTheirLongestCell()
    {
        var table = new Table("ID", "NAME", "STATE");
        table.Add("1", "a-long-name", "Running");
        table.Add("22222", "b", "");
        Assert.Equal("ID      NAME          STATE\n1       a-long-name   Running\n22222   b\n", table.ToString());
    }

    [Fact]
    public void ControlCharacters_DoNotReachTheTerminal()
    {
        var table = new Table("NAME");
        table.Add("a\u001b[31mb\nc\td\u009b");
        Assert.Equal("NAME\na?[31mb?c?d?\n", table.ToString());
    }

    [Fact]
    public void AnyCells_AreOneLineEachWithColumnsThatAlign() => Gen.Select(Gen.String, Gen.String).Array.Sample(rows =>
    {
        var table = new Table("FIRST", "SECOND");
        foreach (var (first, second) in rows)
        {
            table.Add(first, second + "|");
        }

        var lines = table.ToString().Split('\n');
        Assert.Equal(rows.Length + 2, lines.Length);
        var start = lines[0].IndexOf("SECOND", StringComparison.Ordinal);
        Assert.All(rows.Zip(lines.Skip(1)), pair => Assert.Equal(Table.Printable(pair.First.Item2) + "|", pair.Second[start..]));
    });

    [Fact]
    public void RowOfAnotherWidth_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new Table("A", "B").Add("a"));
}
