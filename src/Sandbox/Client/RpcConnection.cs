using System.Collections.Concurrent;
using System.Net.Sockets;
using Crisp.Sandbox.Protocol;
using Google.Protobuf;

namespace Crisp.Sandbox.Client;

/// <summary>The client's half of a control connection: calls in flight by stream id, answers in any order.</summary>
internal sealed class RpcConnection : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly CancellationTokenSource _closed = new();
    private readonly ConcurrentDictionary<uint, TaskCompletionSource<byte[]>> _calls = new();
    private readonly Task _reading;
    private int _lastStreamId = -1;
    private int _disposed;
    private volatile string _reason = "the connection was closed";

    internal RpcConnection(Socket socket)
    {
        _socket = socket;
        Closed = _closed.Token;
        _reading = ReadAsync();
    }

    /// <summary>Cancelled when nothing can be called any more.</summary>
    internal CancellationToken Closed { get; }

    /// <param name="timeout">Null waits until the token is cancelled or the connection closes.</param>
    internal async Task<T> CallAsync<T>(
        string method, IMessage request, MessageParser<T> parser, TimeSpan? timeout, CancellationToken cancellationToken)
        where T : IMessage<T>
    {
        var stream = (uint)Interlocked.Add(ref _lastStreamId, 2);
        var frame = FrameBuffer.Encode(stream, FrameType.Request, new Request
        {
            Service = ProtocolVersion.Service,
            Method = method,
            Payload = request.ToByteString(),
            TimeoutNano = (timeout?.Ticks ?? 0) * TimeSpan.NanosecondsPerTick,
        });

        var answer = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[stream] = answer;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Closed);
        if (timeout is { } limit)
        {
            deadline.CancelAfter(limit);
        }

        try
        {
            await WriteAsync(frame, deadline.Token).ConfigureAwait(false);
            var payload = await answer.Task.WaitAsync(deadline.Token).ConfigureAwait(false);
            return Parse(method, payload, parser);
        }
        catch (OperationCanceledException) when (answer.Task.IsCompletedSuccessfully)
        {
            // The answer came with the end of the connection, as that of Shutdown does, or of the caller's patience.
            return Parse(method, await answer.Task.ConfigureAwait(false), parser);
        }
        catch (OperationCanceledException) when (Closed.IsCancellationRequested)
        {
            throw new SandboxException(RpcCode.Unavailable, $"{method}: {_reason}.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SandboxException(
                RpcCode.DeadlineExceeded, $"{method}: the pod's process did not answer within {timeout?.TotalSeconds:0.#} s.");
        }
        finally
        {
            _calls.TryRemove(stream, out _);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        Close("the client was disposed");
        await _reading.ConfigureAwait(false);
        _socket.Dispose();
        _writing.Dispose();
        _closed.Dispose();
    }

    private static T Parse<T>(string method, byte[] payload, MessageParser<T> parser)
        where T : IMessage<T>
    {
        try
        {
            var response = Response.Parser.ParseFrom(payload);
            if (response.Status is { Code: not 0 } status)
            {
                throw new SandboxException((RpcCode)status.Code, status.Message);
            }

            return parser.ParseFrom(response.Payload);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new SandboxException(RpcCode.Internal, $"{method}: the answer cannot be read: {e.Message}", e);
        }
    }

    private async Task WriteAsync(byte[] frame, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            for (var sent = 0; sent < frame.Length;)
            {
                sent += await _socket.SendAsync(frame.AsMemory(sent), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (SocketException e)
        {
            Close($"the pod's process has gone ({e.SocketErrorCode})");
            throw new SandboxException(RpcCode.Unavailable, $"The pod's process has gone ({e.SocketErrorCode}).", e);
        }
        catch (OperationCanceledException)
        {
            // Part of a frame may have been sent, so that nothing that follows could be understood.
            Close("a request could not be sent in time");
            throw;
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task ReadAsync()
    {
        var frames = new FrameBuffer(FrameType.Response);
        try
        {
            for (int count; (count = await _socket.ReceiveAsync(frames.Room(), Closed).ConfigureAwait(false)) > 0;)
            {
                frames.Advance(count);
                while (frames.TryTake(out var header, out var payload))
                {
                    // An answer that comes after its deadline finds nobody.
                    if (_calls.TryRemove(header.StreamId, out var call))
                    {
                        call.TrySetResult(payload.ToArray());
                    }
                }
            }

            Close("the pod's process has closed the connection");
        }
        catch (ProtocolException e)
        {
            Close($"the pod's process broke the protocol: {e.Message}");
        }
        catch (SocketException e)
        {
            Close($"the pod's process has gone ({e.SocketErrorCode})");
        }
        catch (OperationCanceledException)
        {
            // Close was called, and has said why.
        }
    }

    private void Close(string reason)
    {
        if (!Closed.IsCancellationRequested)
        {
            _reason = reason;
            _closed.Cancel();
        }
    }
}
