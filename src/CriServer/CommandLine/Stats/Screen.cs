namespace Crisp.CriServer.CommandLine.Stats;

/// <summary>A terminal on which each text takes the place of the last one; elsewhere one text is all.</summary>
internal sealed class Screen(TextWriter output, bool repeat)
{
    // ECMA-48: the cursor to the top, each line erased behind its text, everything erased below. Nothing flickers.
    private const string Home = "\u001b[H";
    private const string EraseLine = "\u001b[K\n";
    private const string EraseBelow = "\u001b[J";
    private bool _isClear;

    public bool Repeats => repeat;

    public async Task ShowAsync(string text)
    {
        if (!repeat)
        {
            await output.WriteAsync(text);
            return;
        }

        var erase = _isClear ? "" : Home + EraseBelow;
        _isClear = true;
        await output.WriteAsync(erase + Home + text.Replace("\n", EraseLine, StringComparison.Ordinal) + EraseBelow);
        await output.FlushAsync();
    }
}
