using System.Buffers.Binary;

namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>
/// SPDY/3.1 over any stream of bytes, as either side of it: what Kubernetes uses of it, which is streams, resets, pings and
/// windows. No pushed streams, no priorities. Nothing is buffered beyond one window for each stream: a peer that does not
/// read holds up its own writers, and one that sends what nobody reads is not read from.
/// </summary>
/// <remarks>Draft 3.1, https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/.</remarks>
internal sealed partial class SpdyConnection : IAsyncDisposable
{
    private static readonly TimeSpan _tellPatience = TimeSpan.FromSeconds(1);
    private readonly Stream _transport;
    private readonly SpdyOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, SpdyStream> _streams = [];
    private readonly SpdyHeaderReader _headerReader = new();
    private readonly SpdyWindow _credit = new(SpdyWindow.Default);
    private uint _lastPeerStream;
    private uint _nextStream;
    private int _peerInitialWindow = SpdyWindow.Default;
    private volatile bool _ended;

    /// <param name="transport">Closed by whoever opened it.</param>
    public SpdyConnection(Stream transport, SpdyOptions options)
    {
        _transport = transport;
        _options = options;
        _nextStream = options.IsServer ? 2u : 1u;
        if (options.PeerGivesCredit)
        {
            LearnOfWindows();
        }
    }

    /// <summary>Whether the peer has shown that it knows windows; see <see cref="SpdyWindow.Enforce"/>.</summary>
    public bool PeerGivesCredit { get; private set; }

    /// <summary>Reads until the peer closes the connection. All streams have ended then.</summary>
    /// <exception cref="SpdyException">The peer broke the protocol; it was told.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        Exception why = new IOException("The peer has closed the connection.");
        try
        {
            await ReadAsync(cancellation);
        }
        catch (SpdyException e)
        {
            why = e;
            await TellAsync(SpdyGoAway.ProtocolError);
            throw;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            why = new IOException("The connection was lost.", e);
            throw;
        }
        finally
        {
            End(why);
        }
    }

    /// <summary>Opens a stream and waits until the peer has accepted it.</summary>
    /// <exception cref="IOException">It did not, or is gone.</exception>
    public async Task<SpdyStream> OpenAsync(IReadOnlyDictionary<string, string> headers, CancellationToken cancellation)
    {
        var stream = await SendOpenAsync(headers, cancellation);
        await stream.Replied.WaitAsync(cancellation);
        return stream;
    }

    public ValueTask DisposeAsync()
    {
        End(new IOException("The connection was closed."));
        _headerReader.Dispose();
        return ValueTask.CompletedTask;
    }

    // A peer that does not read is not told.
    private async Task TellAsync(SpdyGoAway why)
    {
        try
        {
            await SendGoAwayAsync(why).WaitAsync(_tellPatience);
        }
        catch (TimeoutException)
        {
            // The connection ends all the same.
        }
    }

    internal void Forget(SpdyStream stream)
    {
        lock (_gate)
        {
            _streams.Remove(stream.Id);
        }
    }

    private SpdyStream? Find(uint id)
    {
        lock (_gate)
        {
            return _streams.GetValueOrDefault(id);
        }
    }

    private SpdyStream? TryAdd(uint id, IReadOnlyDictionary<string, string> headers)
    {
        lock (_gate)
        {
            if (_streams.Count >= _options.MaxStreams)
            {
                return null;
            }

            var stream = new SpdyStream(this, id, headers, _peerInitialWindow);
            if (PeerGivesCredit)
            {
                stream.Credit.Enforce();
            }

            _streams.Add(id, stream);
            return stream;
        }
    }

    private void End(Exception why)
    {
        SpdyStream[] streams;
        lock (_gate)
        {
            _ended = true;
            streams = [.. _streams.Values];
            _streams.Clear();
        }

        _credit.End();
        foreach (var stream in streams)
        {
            stream.Fail(why);
        }
    }

    /// <summary>The peer gives credit, so that from now on it is waited for.</summary>
    private void LearnOfWindows()
    {
        if (PeerGivesCredit)
        {
            return;
        }

        PeerGivesCredit = true;
        _credit.Enforce();
        lock (_gate)
        {
            foreach (var stream in _streams.Values)
            {
                stream.Credit.Enforce();
            }
        }
    }

    private static uint ReadId(ReadOnlySpan<byte> payload) => BinaryPrimitives.ReadUInt32BigEndian(payload) & SpdyFrame.StreamIdMask;
}
