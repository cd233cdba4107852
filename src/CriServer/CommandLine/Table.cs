using System.Text;

namespace Crisp.CriServer.CommandLine;

/// <summary>Rows of text beneath headings, in columns that are as wide as their longest cell.</summary>
/// <param name="headings">One for each column.</param>
internal sealed class Table(params string[] headings)
{
    private const string Gap = "   ";
    private readonly List<string[]> _rows = [headings];

    /// <param name="cells">As many as there are headings. Control characters, which could command a terminal, become question marks.</param>
    public void Add(params string[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, headings.Length);
        _rows.Add([.. cells.Select(Printable)]);
    }

    /// <summary>Lines without blanks at their ends.</summary>
    public override string ToString()
    {
        var widths = headings.Select((_, column) => _rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in _rows)
        {
            text.Append(string.Join(Gap, row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The text with a question mark for each control character.</summary>
    public static string Printable(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;
}
