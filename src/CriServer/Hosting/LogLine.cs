using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Crisp.CriServer.Hosting;

/// <summary>One log line in either form. A line never holds a line break of its message: one event, one line.</summary>
internal sealed record LogLine(
    DateTimeOffset Time,
    LogLevel Level,
    string Category,
    EventId Event,
    string Message,
    Exception? Error,
    IReadOnlyList<KeyValuePair<string, object?>> Values)
{
    private const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    /// <summary><c>2026-01-02T03:04:05.678Z info Daemon: Listening on /run/crisp/crisp.sock</c>; an exception follows, indented.</summary>
    public string ToText()
    {
        var text = new StringBuilder()
            .Append(TimeText).Append(' ').Append(LevelName).Append(' ').Append(Category).Append(": ").Append(OneLine(Message));
        if (Error is not null)
        {
            text.Append("\n    ").Append(Error.ToString().ReplaceLineEndings("\n    "));
        }

        return text.Append('\n').ToString();
    }

    /// <summary>An object with time, level, category, event, message, the message's values by their names, and the exception.</summary>
    public string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("time", TimeText);
            json.WriteString("level", LevelName);
            json.WriteString("category", Category);
            json.WriteString("event", Event.Name);
            json.WriteString("message", Message);
            foreach (var (name, value) in Values)
            {
                if (name != "{OriginalFormat}")
                {
                    json.WriteString(JsonNamingPolicy.CamelCase.ConvertName(name), Convert.ToString(value, CultureInfo.InvariantCulture));
                }
            }

            if (Error is not null)
            {
                json.WriteString("error", Error.ToString());
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private string TimeText => Time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    private string LevelName => Level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };

    private static string OneLine(string text) => text.ReplaceLineEndings("\\n");
}
