using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Crisp.CriServer.Streaming.Spdy;

internal sealed partial class SpdyConnection
{
    /// <summary>Bytes of a control frame's payload. The kubelet's are a few dozen.</summary>
    public const int MaxControlFrame = 16 << 10;

    private async Task ReadAsync(CancellationToken cancellation)
    {
        var reader = PipeReader.Create(_transport, new StreamPipeReaderOptions(bufferSize: SpdyStream.MaxFrame, leaveOpen: true));
        try
        {
            while (await ReadHeaderAsync(reader, cancellation) is { } frame)
            {
                _options.Received();
                if (frame.Type is null)
                {
                    await ReadDataAsync(reader, frame, cancellation);
                }
                else
                {
                    await HandleAsync(frame, await ReadPayloadAsync(reader, frame, cancellation), cancellation);
                }
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private static async ValueTask<SpdyFrame?> ReadHeaderAsync(PipeReader reader, CancellationToken cancellation)
    {
        var result = await reader.ReadAtLeastAsync(SpdyFrame.HeaderSize, cancellation);
        if (result.Buffer.IsEmpty)
        {
            return null;
        }

        var bytes = Take(reader, result.Buffer, SpdyFrame.HeaderSize);
        return SpdyFrame.Parse(bytes);
    }

    private static async ValueTask<byte[]> ReadPayloadAsync(PipeReader reader, SpdyFrame frame, CancellationToken cancellation)
    {
        if (frame.Length > MaxControlFrame)
        {
            throw new SpdyException($"A control frame has {frame.Length} bytes; {MaxControlFrame} are allowed.");
        }

        if (frame.Length == 0)
        {
            return [];
        }

        var result = await reader.ReadAtLeastAsync(frame.Length, cancellation);
        return Take(reader, result.Buffer, frame.Length);
    }

    private static byte[] Take(PipeReader reader, ReadOnlySequence<byte> buffer, int length)
    {
        if (buffer.Length < length)
        {
            throw new IOException("The connection was closed within a frame.");
        }

        var bytes = buffer.Slice(0, length).ToArray();
        reader.AdvanceTo(buffer.GetPosition(length));
        return bytes;
    }

    /// <summary>Hands the payload on as it comes: a frame of 16 MB takes no more memory than a small one.</summary>
    private async ValueTask ReadDataAsync(PipeReader reader, SpdyFrame frame, CancellationToken cancellation)
    {
        var stream = Find(frame.StreamId);
        if (stream is null)
        {
            CheckKnown(frame.StreamId);
        }

        for (var left = frame.Length; left > 0;)
        {
            var result = await reader.ReadAsync(cancellation);
            if (result.Buffer.IsEmpty)
            {
                throw new IOException("The connection was closed within a frame.");
            }

            var piece = result.Buffer.Slice(0, Math.Min(left, result.Buffer.Length));
            foreach (var bytes in piece)
            {
                await ReceiveAsync(stream, bytes, cancellation);
            }

            left -= (int)piece.Length;
            reader.AdvanceTo(piece.End);
        }

        if (stream is not null && (frame.Flags & SpdyFlags.Fin) != 0)
        {
            stream.ReceiveEnd();
        }
    }

    private async ValueTask ReceiveAsync(SpdyStream? stream, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        // The connection's window is credited at once: what bounds the memory is each stream's.
        await CreditConnectionAsync(bytes.Length);
        if (stream is not null && !stream.Reset.IsCancellationRequested && !await stream.ReceiveAsync(bytes, cancellation))
        {
            await stream.AbortAsync(SpdyReset.FlowControlError);
        }
    }

    // What is on its way when a stream ends is thrown away; a stream that never was is a broken peer.
    private void CheckKnown(uint id)
    {
        var ours = (id & 1) == (_nextStream & 1);
        if (id == 0 || (ours ? id >= _nextStream : id > _lastPeerStream))
        {
            throw new SpdyException($"There is data for stream {id}, which was never opened.");
        }
    }

    private async ValueTask HandleAsync(SpdyFrame frame, byte[] payload, CancellationToken cancellation)
    {
        switch (frame.Type)
        {
            case SpdyFrameType.SynStream:
                Require(frame, payload.Length >= 10);
                await OpenedAsync(frame, ReadId(payload), _headerReader.Read(payload.AsMemory(10)), cancellation);
                break;
            case SpdyFrameType.SynReply:
                Require(frame, payload.Length >= 4);
                _headerReader.Read(payload.AsMemory(4));
                Find(ReadId(payload))?.AcceptReply();
                EndInput(frame, payload);
                break;
            case SpdyFrameType.Headers:
                Require(frame, payload.Length >= 4);
                _headerReader.Read(payload.AsMemory(4));
                EndInput(frame, payload);
                break;
            case SpdyFrameType.RstStream:
                Require(frame, payload.Length == 8);
                ResetByPeer(ReadId(payload));
                break;
            case SpdyFrameType.Settings:
                ReadSettings(frame, payload);
                break;
            case SpdyFrameType.Ping:
                Require(frame, payload.Length == 4);
                await AnswerPingAsync(payload);
                break;
            case SpdyFrameType.GoAway:
                // What is open goes on to its end.
                Require(frame, payload.Length == 8);
                break;
            case SpdyFrameType.WindowUpdate:
                Require(frame, payload.Length == 8);
                AddCredit(ReadId(payload), ReadId(payload.AsSpan(4)));
                break;
            default:
                // Of a later draft; to be ignored.
                break;
        }
    }

    private async ValueTask OpenedAsync(SpdyFrame frame, uint id, IReadOnlyDictionary<string, string> headers, CancellationToken cancellation)
    {
        if (id <= _lastPeerStream || (id & 1) == (_nextStream & 1))
        {
            throw new SpdyException($"The peer opens stream {id} after {_lastPeerStream}; numbers only grow, and the sides have their own.");
        }

        _lastPeerStream = id;
        var stream = TryAdd(id, headers);
        if (stream is null || !_options.Accept(stream))
        {
            if (stream is not null)
            {
                Forget(stream);
            }

            await SendResetAsync(id, SpdyReset.RefusedStream);
            return;
        }

        await SendReplyAsync(id, cancellation);
        if ((frame.Flags & SpdyFlags.Fin) != 0)
        {
            stream.ReceiveEnd();
        }
    }

    private void EndInput(SpdyFrame frame, byte[] payload)
    {
        if ((frame.Flags & SpdyFlags.Fin) != 0)
        {
            Find(ReadId(payload))?.ReceiveEnd();
        }
    }

    private void ResetByPeer(uint id)
    {
        if (Find(id) is { } stream)
        {
            Forget(stream);
            stream.Fail(new IOException("The peer has reset the stream."));
        }
    }

    private void ReadSettings(SpdyFrame frame, ReadOnlySpan<byte> payload)
    {
        const int EntrySize = 8;
        const uint InitialWindowSize = 7;
        Require(frame, payload.Length >= 4 && payload.Length == 4 + (EntrySize * (long)BinaryPrimitives.ReadUInt32BigEndian(payload)));
        for (var entries = payload[4..]; !entries.IsEmpty; entries = entries[EntrySize..])
        {
            if ((BinaryPrimitives.ReadUInt32BigEndian(entries) & 0xFF_FFFF) == InitialWindowSize)
            {
                SetInitialWindow(BinaryPrimitives.ReadUInt32BigEndian(entries[4..]));
            }
        }
    }

    private void SetInitialWindow(uint size)
    {
        if (size > int.MaxValue)
        {
            throw new SpdyException($"The peer wants windows of {size} bytes; 2^31 - 1 is the most.");
        }

        LearnOfWindows();
        lock (_gate)
        {
            foreach (var stream in _streams.Values)
            {
                stream.Credit.Add((int)size - (long)_peerInitialWindow);
            }

            _peerInitialWindow = (int)size;
        }
    }

    private void AddCredit(uint id, uint credit)
    {
        if (credit == 0)
        {
            throw new SpdyException("A window update gives nothing.");
        }

        LearnOfWindows();
        var window = id == 0 ? _credit : Find(id)?.Credit;
        if (window is not null && !window.Add(credit))
        {
            throw new SpdyException($"The window of stream {id} grows beyond 2^31 - 1.");
        }
    }

    private static void Require(SpdyFrame frame, bool isLengthRight)
    {
        if (!isLengthRight)
        {
            throw new SpdyException($"A frame of the type {frame.Type} has {frame.Length} bytes.");
        }
    }
}
