using Crisp.CriServer.CommandLine;
using Crisp.CriServer.CommandLine.Stats;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Stats;

public sealed class ScreenTests
{
    [Fact]
    public async Task OnATerminal_EachTextTakesTheLastOnesPlace()
    {
        using var output = new StringWriter();
        var screen = new Screen(output, () => new ScreenSize(80, 24));
        await screen.ShowAsync("long line\nsecond\n");
        await screen.ShowAsync("short\n");
        Assert.Equal("\u001b[H\u001b[J\u001b[Hlong line\u001b[K\nsecond\u001b[K\n\u001b[J\u001b[Hshort\u001b[K\n\u001b[J", output.ToString());
    }

    [Fact]
    public async Task Elsewhere_TheTextIsAllThereIs()
    {
        using var output = new StringWriter();
        var screen = new Screen(output, () => null);
        await screen.ShowAsync("a\nb\n");
        Assert.Equal("a\nb\n", output.ToString());
        Assert.False(screen.Repeats);
    }
}
