using System.Text.RegularExpressions;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

/// <summary>What a terminal shows of what was written to it: the few controls of ECMA-48 that crisp uses, and no others.</summary>
internal static partial class TerminalScreen
{
    /// <returns>The lines from the top, without blanks at their ends and empty lines at the end.</returns>
    public static IReadOnlyList<string> Show(string text, int columns, int rows)
    {
        var cells = new char[rows, columns];
        var (row, column) = (0, 0);
        Erase(cells, 0, 0, toEnd: true);
        for (var at = 0; at < text.Length; at++)
        {
            switch (text[at])
            {
                case '\r':
                    column = 0;
                    break;
                case '\n':
                    row = Down(cells, row);
                    break;
                case '\u001b':
                    var control = Control().Match(text, at);
                    if (!control.Success && Begun().IsMatch(text[at..]))
                    {
                        // The rest is still on its way.
                        at = text.Length;
                        break;
                    }

                    Assert.True(control.Success && control.Index == at, $"a control that no line of a screen needs: {text[at..][1..Math.Min(10, text.Length - at)]}");
                    var count = control.Groups[1].Value is { Length: > 0 } digits ? int.Parse(digits) : 1;
                    switch (control.Groups[2].Value)
                    {
                        case "A":
                            row = Math.Max(0, row - count);
                            break;
                        case "H":
                            (row, column) = (0, 0);
                            break;
                        case "J":
                            Erase(cells, row, column, toEnd: true);
                            break;
                        case "K":
                            Erase(cells, row, column, toEnd: false);
                            break;
                    }

                    at += control.Length - 1;
                    break;
                default:
                    if (column == columns)
                    {
                        (row, column) = (Down(cells, row), 0);
                    }

                    cells[row, column++] = text[at];
                    break;
            }
        }

        var lines = Enumerable.Range(0, rows).Select(r => string.Concat(Enumerable.Range(0, columns).Select(c => cells[r, c])).TrimEnd()).ToList();
        return lines[..(lines.FindLastIndex(l => l.Length > 0) + 1)];
    }

    // Beneath the last line everything scrolls.
    private static int Down(char[,] cells, int row)
    {
        var (rows, columns) = (cells.GetLength(0), cells.GetLength(1));
        if (row < rows - 1)
        {
            return row + 1;
        }

        Array.Copy(cells, columns, cells, 0, (rows - 1) * columns);
        Erase(cells, rows - 1, 0, toEnd: false);
        return row;
    }

    private static void Erase(char[,] cells, int row, int column, bool toEnd)
    {
        for (var r = row; r < (toEnd ? cells.GetLength(0) : row + 1); r++)
        {
            for (var c = r == row ? column : 0; c < cells.GetLength(1); c++)
            {
                cells[r, c] = ' ';
            }
        }
    }

    [GeneratedRegex(@"\u001b\[(\d*)([AHJK])")]
    private static partial Regex Control();

    [GeneratedRegex(@"\A\u001b\[?\d*\z")]
    private static partial Regex Begun();
}
