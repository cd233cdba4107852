using System.Text;

namespace Crisp.CriServer.CommandLine.Stats;

/// <summary>A terminal on which each text takes the place of the last one; elsewhere one text is all.</summary>
/// <param name="size">The terminal's now; null where there is none.</param>
internal sealed class Screen(TextWriter output, Func<ScreenSize?> size)
{
    // ECMA-48: the cursor to the top, each line erased behind its text, everything erased below. Nothing flickers.
    private const string Home = "\u001b[H";
    private const string EraseLine = "\u001b[K\n";
    private const string EraseBelow = "\u001b[J";
    private bool _isClear;

    public bool Repeats { get; private set; }

    public async Task ShowAsync(string text)
    {
        if (size() is not { } screen)
        {
            await output.WriteAsync(text);
            return;
        }

        Repeats = true;
        var erase = _isClear ? "" : Home + EraseBelow;
        _isClear = true;
        await output.WriteAsync(erase + Home + Visible(text, screen) + EraseBelow);
        await output.FlushAsync();
    }

    // The last line is the cursor's.
    private static string Visible(string text, ScreenSize screen)
    {
        var lines = text.TrimEnd('\n').Split('\n');
        var room = Math.Max(2, screen.Rows - 1);
        if (lines.Length > room)
        {
            lines = [.. lines[..(room - 1)], $"{lines.Length - room + 1} more"];
        }

        var visible = new StringBuilder();
        foreach (var line in lines)
        {
            visible.Append(screen.Cut(line)).Append(EraseLine);
        }

        return visible.ToString();
    }
}
