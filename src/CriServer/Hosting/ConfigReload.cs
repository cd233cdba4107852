using System.Runtime.InteropServices;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting.Service;

namespace Crisp.CriServer.Hosting;

/// <summary>
/// SIGHUP: the daemon reads its configuration again and goes on with what can change; calls, streams and pods notice nothing. A
/// configuration that is wrong changes nothing.
/// </summary>
internal sealed partial class ConfigReload : IDisposable
{
    private readonly Lock _gate = new();
    private readonly LiveConfig _live;
    private readonly Func<CrispConfig> _read;
    private readonly ILogger _logger;
    private readonly PosixSignalRegistration _signal;
    private ServiceNotifier? _notifier;

    /// <summary>From now on SIGHUP does not end the process.</summary>
    /// <param name="read">Reads what the daemon would be started with now; throws <see cref="ConfigException"/>.</param>
    public ConfigReload(LiveConfig live, Func<CrispConfig> read, ILogger logger)
    {
        (_live, _read, _logger) = (live, read, logger);
        _signal = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            Run();
        });
    }

    /// <summary>The service manager hears of reloads from now on. Not before the daemon is ready: a reload ends with READY=1.</summary>
    public void TellTo(ServiceNotifier? notifier)
    {
        lock (_gate)
        {
            _notifier = notifier;
        }
    }

    public void Dispose()
    {
        _signal.Dispose();
        TellTo(null);
    }

    private void Run()
    {
        lock (_gate)
        {
            _notifier?.Reloading();
            try
            {
                Report(_live.Take(_read()));
            }
            catch (ConfigException e)
            {
                foreach (var problem in e.Problems)
                {
                    Log.Refused(_logger, problem);
                }
            }
            finally
            {
                _notifier?.Ready();
            }
        }
    }

    private void Report(ConfigChange change)
    {
        if (change.NeedRestart.Count > 0)
        {
            Log.NeedRestart(_logger, string.Join(", ", change.NeedRestart));
        }

        Log.Reloaded(_logger, change.Taken.Count == 0 ? "nothing" : string.Join(", ", change.Taken));
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "The configuration was read again; changed: {Options}", EventName = "Reloaded")]
        public static partial void Reloaded(ILogger logger, string options);

        [LoggerMessage(
            2, LogLevel.Warning, "These options have changed and stay what they were until the daemon is restarted: {Options}", EventName = "NeedRestart")]
        public static partial void NeedRestart(ILogger logger, string options);

        [LoggerMessage(3, LogLevel.Error, "The configuration stays what it was, because the new one is wrong: {Problem}", EventName = "Refused")]
        public static partial void Refused(ILogger logger, string problem);
    }
}
