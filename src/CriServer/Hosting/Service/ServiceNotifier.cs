using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Crisp.CriServer.Hosting.Service;

/// <summary>
/// Tells systemd what becomes of the daemon, when it runs as a service of Type=notify (sd_notify(3)): datagrams to the socket that
/// NOTIFY_SOCKET names, a path or, with an @ before it, a name in the abstract namespace.
/// </summary>
internal sealed partial class ServiceNotifier : IDisposable
{
    private const string SocketVariable = "NOTIFY_SOCKET";
    private const string WatchdogVariable = "WATCHDOG_USEC";
    private const string WatchdogPidVariable = "WATCHDOG_PID";
    private readonly ILogger _logger;
    private readonly UnixDomainSocketEndPoint _address;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    internal ServiceNotifier(string address, TimeSpan? watchdog, ILogger logger)
    {
        _logger = logger;
        _address = new UnixDomainSocketEndPoint(address[0] == '@' ? $"\0{address[1..]}" : address);
        Watchdog = watchdog;
    }

    /// <summary>Within which time systemd wants to hear from the daemon, again and again (WatchdogSec=); null when it does not.</summary>
    public TimeSpan? Watchdog { get; }

    /// <summary>Reads the environment and takes the variables out of it: no child is to speak for the daemon.</summary>
    /// <returns>Null when no service manager listens.</returns>
    public static ServiceNotifier? FromEnvironment(ILogger logger)
    {
        var (address, watchdog) = (Take(SocketVariable), ReadWatchdog(Take(WatchdogVariable), Take(WatchdogPidVariable)));
        return address is ['/' or '@', _, ..] ? new ServiceNotifier(address, watchdog, logger) : null;
    }

    /// <summary>The daemon answers: after its start, or after <see cref="Reloading"/>.</summary>
    public void Ready() => Send("READY=1");

    public void Stopping() => Send("STOPPING=1");

    /// <summary>The daemon reads its configuration again, until <see cref="Ready"/>. systemd tells by the time which of two ends which.</summary>
    public void Reloading()
    {
        // CLOCK_MONOTONIC, as Stopwatch reads it.
        var now = Stopwatch.GetElapsedTime(0).Ticks / TimeSpan.TicksPerMicrosecond;
        Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={now}"));
    }

    public void IsAlive() => Send("WATCHDOG=1");

    public void Dispose() => _socket.Dispose();

    /// <summary>sd_watchdog_enabled(3): a variable that is meant for another process counts for nothing here.</summary>
    internal static TimeSpan? ReadWatchdog(string? microseconds, string? pid)
        => long.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var time) && time > 0
            && (string.IsNullOrEmpty(pid) || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            ? TimeSpan.FromMicroseconds(time)
            : null;

    private static string? Take(string variable)
    {
        var value = Environment.GetEnvironmentVariable(variable);
        Environment.SetEnvironmentVariable(variable, null);
        return value;
    }

    private void Send(string message)
    {
        try
        {
            _socket.SendTo(Encoding.UTF8.GetBytes(message), _address);
        }
        catch (SocketException e)
        {
            // systemd executes itself anew, for one. It asks by its own deadlines, and pods must not suffer for it.
            Log.NotSent(_logger, message, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The service manager could not be told {Message}: {Reason}", EventName = "NotSent")]
        public static partial void NotSent(ILogger logger, string message, string reason);
    }
}
