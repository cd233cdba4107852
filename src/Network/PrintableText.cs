using System.Text;

namespace Crisp.Network;

/// <summary>What a plugin printed, made fit for a message: plugins are programs of others, and a message ends up in logs.</summary>
internal static class PrintableText
{
    /// <param name="limit">Characters; what is longer is cut and ends with an ellipsis.</param>
    public static string From(string? text, int limit = 1000)
    {
        var result = new StringBuilder();
        foreach (var c in text?.Trim() ?? "")
        {
            if (result.Length >= limit)
            {
                return result.Append('…').ToString();
            }

            // A line break becomes a blank; an escape sequence must not reach a terminal, nor a lone surrogate an encoder.
            result.Append(char.IsWhiteSpace(c) ? ' ' : char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        }

        return result.ToString();
    }

    /// <summary>Of bytes that need not be UTF-8.</summary>
    public static string From(ReadOnlySpan<byte> bytes, int limit = 1000) => From(Encoding.UTF8.GetString(bytes), limit);
}
