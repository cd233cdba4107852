namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>Which side of a connection this is, and its bounds.</summary>
internal sealed record SpdyOptions
{
    /// <summary>Servers' streams and pings have even numbers, clients' odd ones.</summary>
    public required bool IsServer { get; init; }

    /// <summary>Streams open at once.</summary>
    public int MaxStreams { get; init; } = 16;

    /// <summary>Whether to take a stream that the peer opens. Called while nothing else is read: it must not wait.</summary>
    public Func<SpdyStream, bool> Accept { get; init; } = static _ => false;

    /// <summary>Whether the peer is known to give credit before it has given any, as the server of this program does.</summary>
    public bool PeerGivesCredit { get; init; }

    /// <summary>Told of every frame that arrives.</summary>
    public Action Received { get; init; } = static () => { };
}
