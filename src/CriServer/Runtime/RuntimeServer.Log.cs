namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The pod {Id} could not be made and is taken apart again: {Reason}", EventName = "RollingBack")]
        public static partial void RollingBack(ILogger logger, string id, string reason);
    }
}
