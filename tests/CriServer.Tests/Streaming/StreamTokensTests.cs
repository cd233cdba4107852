using Crisp.CriServer.Hosting;
using Crisp.CriServer.Streaming;
using Xunit;

namespace Crisp.CriServer.Tests.Streaming;

public sealed class StreamTokensTests
{
    private static readonly StreamRequest _request = new PortForwardStreamRequest("pod", []);
    private readonly Clock _clock = new();

    [Fact]
    public void Token_WorksOnceAndForAMinute()
    {
        var tokens = new StreamTokens(_clock);
        var token = tokens.Add(_request);
        Assert.Same(_request, tokens.Take(token));
        Assert.Null(tokens.Take(token));
        var late = tokens.Add(_request);
        _clock.Now += StreamTokens.Lifetime;
        Assert.Null(tokens.Take(late));
        Assert.Null(tokens.Take(""));
    }

    [Fact]
    public void Tokens_AreLongAndNeverTheSame()
    {
        var tokens = new StreamTokens(_clock);
        var given = Enumerable.Range(0, 500).Select(_ => tokens.Add(_request)).ToList();
        Assert.Equal(500, given.Distinct().Count());
        Assert.All(given, t => Assert.Equal(32, t.Length));
    }

    [Fact]
    public void TooMany_AreRefusedUntilTheOldHaveExpired()
    {
        var tokens = new StreamTokens(_clock);
        for (var i = 0; i < StreamTokens.MaxWaiting; i++)
        {
            tokens.Add(_request);
        }

        Assert.Throws<CriException>(() => tokens.Add(_request));
        _clock.Now += StreamTokens.Lifetime;
        Assert.NotNull(tokens.Take(tokens.Add(_request)));
    }

    [Fact]
    public void Sessions_AreCountedForEachContainer()
    {
        var sessions = new StreamSessions();
        var open = Enumerable.Range(0, StreamSessions.MaxOfOne).Select(_ => sessions.TryEnter("a")).ToList();
        Assert.DoesNotContain(null, open);
        Assert.Null(sessions.TryEnter("a"));
        Assert.NotNull(sessions.TryEnter("b"));
        open[0]!.Dispose();
        open[0]!.Dispose();
        Assert.NotNull(sessions.TryEnter("a"));
        Assert.Null(sessions.TryEnter("a"));
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
