using Grpc.Core;

namespace Crisp.CriServer.Hosting;

internal sealed partial class CallInterceptor
{
    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Debug, "{Method} done in {Milliseconds:F1} ms", EventName = "CallDone")]
        public static partial void Done(ILogger logger, string method, double milliseconds);

        [LoggerMessage(EventId = 2, Message = "{Method} ended with {Code} after {Milliseconds:F1} ms: {Detail}", EventName = "CallRefused")]
        public static partial void Refused(
            ILogger logger, LogLevel level, string method, StatusCode code, double milliseconds, string detail);

        [LoggerMessage(3, LogLevel.Error, "{Method} broke with {Code} after {Milliseconds:F1} ms", EventName = "CallBroke")]
        public static partial void Broke(ILogger logger, string method, StatusCode code, double milliseconds, Exception error);
    }
}
