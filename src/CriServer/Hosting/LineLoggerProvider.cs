using System.Text;
using Crisp.CriServer.Configuration;

namespace Crisp.CriServer.Hosting;

/// <summary>
/// Log lines on standard error. Written by the logging thread itself: a daemon that may be killed at any moment must not keep
/// its last words in a queue.
/// </summary>
internal sealed class LineLoggerProvider(LogFormat format, TimeProvider time, Stream output) : ILoggerProvider
{
    private readonly Lock _gate = new();

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, ShortName(categoryName));

    public void Dispose() => output.Flush();

    private static string ShortName(string category) => category[(category.LastIndexOf('.') + 1)..];

    private void Write(string line)
    {
        var bytes = Encoding.UTF8.GetBytes(line);
        lock (_gate)
        {
            output.Write(bytes);
        }
    }

    private sealed class LineLogger(LineLoggerProvider provider, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var entry = new LogLine(
                provider.Now, logLevel, category, eventId, formatter(state, exception), exception,
                state as IReadOnlyList<KeyValuePair<string, object?>> ?? []);
            provider.Write(provider.Format == LogFormat.Json ? entry.ToJson() : entry.ToText());
        }
    }

    private LogFormat Format => format;

    private DateTimeOffset Now => time.GetUtcNow();
}
