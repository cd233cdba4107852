using System.CommandLine;
using Google.Protobuf;

namespace Crisp.CriServer.CommandLine;

/// <summary>The forms in which commands answer.</summary>
internal enum OutputFormat
{
    /// <summary>A table, for people.</summary>
    Table,

    /// <summary>The message of CRI in protobuf's JSON, as crictl prints it, for scripts.</summary>
    Json,
}

internal static class OutputFormats
{
    private static readonly JsonFormatter _formatter = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true).WithIndentation());

    public static Option<OutputFormat> Option() => new("--output", "-o")
    {
        Description = "table, or json as crictl prints it",
        HelpName = "FORMAT",
        DefaultValueFactory = _ => OutputFormat.Table,
    };

    public static string Json(IMessage message) => _formatter.Format(message) + "\n";
}
