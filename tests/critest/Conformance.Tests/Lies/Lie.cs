using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Crisp.Conformance.Tests.Lies;

/// <summary>
/// A server that breaks a rule, made from one that keeps it: it hears another request than was sent, gives another answer than
/// the true one, or does not do what it was told. Sits between a test and the runtime.
/// </summary>
internal sealed class Lie : Interceptor
{
    /// <summary>What a lie that refuses says, so that it is told from a refusal of the runtime.</summary>
    internal const string Refusal = "This refusal is a lie.";

    private readonly Func<object, bool> _concerns;
    private Action<object>? _hear;
    private Action<object>? _answer;
    private bool _accepts;
    private bool _ignores;
    private StatusCode? _refuses;

    private Lie(Func<object, bool> concerns) => _concerns = concerns;

    /// <summary>The server understands a request otherwise.</summary>
    public static Lie Hearing<TRequest>(Action<TRequest> change)
        where TRequest : class, IMessage => new(m => m is TRequest) { _hear = m => change((TRequest)m) };

    /// <summary>The server answers something else.</summary>
    public static Lie Answering<TResponse>(Action<TResponse> change)
        where TResponse : class, IMessage => new(_ => true) { _answer = m => { if (m is TResponse response) { change(response); } } };

    /// <summary>The server accepts what it has to refuse.</summary>
    public static Lie Accepting<TRequest>()
        where TRequest : class, IMessage => new(m => m is TRequest) { _accepts = true };

    /// <summary>The server says that it has done it.</summary>
    public static Lie Ignoring<TRequest>()
        where TRequest : class, IMessage => new(m => m is TRequest) { _ignores = true };

    /// <summary>The server refuses what it has to accept, the first <paramref name="after"/> calls excepted.</summary>
    public static Lie Refusing<TRequest>(StatusCode code, int after = 0)
        where TRequest : class, IMessage
    {
        var calls = 0;
        return new(m => m is TRequest && Interlocked.Increment(ref calls) > after) { _refuses = code };
    }

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        => new(
            RespondAsync(request, r => continuation(r, context).ResponseAsync),
            Task.FromResult<Metadata>([]),
            () => Status.DefaultSuccess,
            () => [],
            () => { });

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        var call = continuation(Heard(request), context);
        return new(
            new LyingReader<TResponse>(call.ResponseStream, m => _answer?.Invoke(m)),
            call.ResponseHeadersAsync,
            call.GetStatus,
            call.GetTrailers,
            call.Dispose);
    }

    private async Task<TResponse> RespondAsync<TRequest, TResponse>(TRequest request, Func<TRequest, Task<TResponse>> call)
        where TRequest : class
        where TResponse : class
    {
        if (!_concerns(request))
        {
            return await call(request);
        }

        if (_refuses is { } code)
        {
            throw new RpcException(new Status(code, Refusal));
        }

        if (_ignores)
        {
            return Activator.CreateInstance<TResponse>();
        }

        try
        {
            var response = await call(Heard(request));
            _answer?.Invoke(response);
            return response;
        }
        catch (RpcException) when (_accepts)
        {
            return Activator.CreateInstance<TResponse>();
        }
    }

    private TRequest Heard<TRequest>(TRequest request)
        where TRequest : class
    {
        if (_hear is null || !_concerns(request))
        {
            return request;
        }

        // The test still holds what it sent.
        var heard = ((IDeepCloneable<TRequest>)request).Clone();
        _hear(heard);
        return heard;
    }

    private sealed class LyingReader<T>(IAsyncStreamReader<T> inner, Action<object> change) : IAsyncStreamReader<T>
    {
        public T Current => inner.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            var more = await inner.MoveNext(cancellationToken);
            if (more)
            {
                change(inner.Current!);
            }

            return more;
        }
    }
}
