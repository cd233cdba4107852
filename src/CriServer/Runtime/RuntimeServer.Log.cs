namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The pod {Id} could not be made and is taken apart again: {Reason}", EventName = "RollingBack")]
        public static partial void RollingBack(ILogger logger, string id, string reason);

        [LoggerMessage(3, LogLevel.Information, "The kubelet says that the node's pod CIDRs are {Cidrs}", EventName = "PodCidr")]
        public static partial void PodCidr(ILogger logger, string cidrs);
    }
}
