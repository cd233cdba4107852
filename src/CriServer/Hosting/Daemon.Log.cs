namespace Crisp.CriServer.Hosting;

internal static partial class Daemon
{
    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "Listening on {Socket} with root {Root}, crisp {Version}", EventName = "Listening")]
        public static partial void Listening(ILogger logger, string socket, string root, string version);

        [LoggerMessage(2, LogLevel.Information, "Stopped; pods live on", EventName = "Stopped")]
        public static partial void Stopped(ILogger logger);
    }
}
