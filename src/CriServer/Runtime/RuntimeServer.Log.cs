namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The pod {Id} could not be made and is taken apart again: {Reason}", EventName = "RollingBack")]
        public static partial void RollingBack(ILogger logger, string id, string reason);

        [LoggerMessage(2, LogLevel.Error, "The pod {Id} could not be taken apart whole: {Reason}", EventName = "RollBackFailed")]
        public static partial void RollBackFailed(ILogger logger, string id, string reason);
    }
}
