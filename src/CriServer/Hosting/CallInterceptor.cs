using System.Diagnostics;
using Crisp.CriServer.Monitoring;
using Crisp.Images;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Crisp.CriServer.Hosting;

/// <summary>Around every call: its log line, and its status when it fails. Services below throw and never log failures.</summary>
internal sealed partial class CallInterceptor(ILogger<CallInterceptor> logger, DaemonMetrics metrics, TimeProvider time) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var (start, span) = Begin(context);
        try
        {
            var response = await continuation(request, context);
            Done(context, start, span, streams: false);
            return response;
        }
#pragma warning disable CA1031 // The boundary: whatever a call throws becomes its status, and the daemon lives on.
        catch (Exception error)
#pragma warning restore CA1031
        {
            throw Fail(error, context, start, span, streams: false);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        var (start, span) = Begin(context);
        try
        {
            await continuation(request, responseStream, context);
            Done(context, start, span, streams: true);
        }
#pragma warning disable CA1031 // The boundary, as above.
        catch (Exception error)
#pragma warning restore CA1031
        {
            throw Fail(error, context, start, span, streams: true);
        }
    }

    private (long Start, Activity? Span) Begin(ServerCallContext context)
    {
        metrics.CallBegan(context.Method);
        return (time.GetTimestamp(), Tracing.Start(context));
    }

    private void Done(ServerCallContext context, long start, Activity? span, bool streams)
    {
        var duration = time.GetElapsedTime(start);
        metrics.CallEnded(context.Method, StatusCode.OK, streams ? null : duration);
        Tracing.End(span, StatusCode.OK, "");
        Log.Done(logger, context.Method, duration.TotalMilliseconds);
    }

    private RpcException Fail(Exception error, ServerCallContext context, long start, Activity? span, bool streams)
    {
        var status = ErrorStatus.Of(error, context.Method, context.CancellationToken);
        var duration = time.GetElapsedTime(start);
        metrics.CallEnded(context.Method, status.StatusCode, streams ? null : duration);
        Tracing.End(span, status.StatusCode, status.Detail);
        var milliseconds = duration.TotalMilliseconds;
        switch (status.StatusCode)
        {
            case StatusCode.Internal or StatusCode.Unknown when error is not ImageException:
                Log.Broke(logger, context.Method, status.StatusCode, milliseconds, error);
                break;
            case StatusCode.NotFound or StatusCode.Cancelled or StatusCode.Unimplemented:
                // What a kubelet meets on an ordinary day.
                Log.Refused(logger, LogLevel.Debug, context.Method, status.StatusCode, milliseconds, status.Detail);
                break;
            default:
                Log.Refused(logger, LogLevel.Warning, context.Method, status.StatusCode, milliseconds, status.Detail);
                break;
        }

        return new RpcException(status);
    }
}
