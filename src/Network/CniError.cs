using System.Text.Json;

namespace Crisp.Network;

/// <summary>The error structure that a plugin prints when it fails (specification, section 5).</summary>
/// <param name="Code">0..99 are the specification's, from 100 on the plugin's own.</param>
/// <param name="Message">One line, made printable.</param>
/// <param name="Details">More of it, or empty.</param>
public sealed record CniError(long Code, string Message, string Details)
{
    public const int IncompatibleVersion = 1;
    public const int UnsupportedField = 2;

    /// <summary>The plugin has nothing of this container: there is nothing to delete.</summary>
    public const int UnknownContainer = 3;

    public const int InvalidEnvironment = 4;
    public const int IoFailure = 5;
    public const int DecodingFailure = 6;
    public const int InvalidConfiguration = 7;
    public const int TryAgainLater = 11;

    /// <summary>STATUS: no ADD can be served.</summary>
    public const int NotAvailable = 50;

    /// <summary>STATUS: no ADD can be served, and pods that run may be cut off.</summary>
    public const int LimitedConnectivity = 51;

    /// <summary>Reads what a failed plugin printed; null when it is no error structure.</summary>
    public static CniError? Read(ReadOnlyMemory<byte> output)
    {
        try
        {
            using var document = JsonDocument.Parse(output);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !HasWord(root))
            {
                return null;
            }

            var code = root.TryGetProperty("code", out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt64(out var value)
                ? value
                : 0;
            return new CniError(code, Text(root, "msg"), Text(root, "details"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Plugins that die print anything, or nothing; the caller shows it as it is.
            return null;
        }
    }

    /// <summary>The plugin's own words.</summary>
    public override string ToString()
    {
        var details = Details.Length > 0 ? $"{Message} ({Details})" : Message;
        return Code == 0 ? details : $"{details} [code {Code}]";
    }

    private static bool HasWord(JsonElement root) => Text(root, "msg").Length > 0 || root.TryGetProperty("code", out _);

    private static string Text(JsonElement root, string name)
        => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? PrintableText.From(value.GetString()) : "";
}
