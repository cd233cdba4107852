namespace Crisp.CriServer.Streaming;

/// <summary>Lines of the streaming server.</summary>
internal static partial class StreamingLog
{
    [LoggerMessage(1, LogLevel.Debug, "{Kind} of {Target} begins over {Transport}", EventName = "SessionBegins")]
    public static partial void Begins(ILogger logger, string kind, string target, string transport);

    [LoggerMessage(2, LogLevel.Debug, "{Kind} of {Target} ends: {How}", EventName = "SessionEnds")]
    public static partial void Ends(ILogger logger, string kind, string target, string how);

    [LoggerMessage(3, LogLevel.Warning, "A streaming client broke its protocol and was cut off: {Reason}", EventName = "ProtocolBroken")]
    public static partial void ProtocolBroken(ILogger logger, string reason);

    [LoggerMessage(4, LogLevel.Error, "{Kind} of {Target} broke", EventName = "SessionBroke")]
    public static partial void Broke(ILogger logger, string kind, string target, Exception error);
}
