using System.Globalization;
using System.Text;

namespace Crisp.CriServer.Configuration;

/// <summary>Writes configuration files.</summary>
internal static class ConfigText
{
    private const string Head =
        """
        # The configuration of crisp. Read when the daemon starts, and at SIGHUP; pods live on while it restarts.
        # Every option stands here with its default, so that an empty file means the same. Options of the
        # command line override those of the file. An option that does not exist is an error.
        """;

    /// <summary>A whole file that means this configuration, each option with its explanation.</summary>
    public static string Write(CrispConfig config)
    {
        var text = new StringBuilder(Head).Append('\n');
        var section = "";
        foreach (var option in ConfigOptions.Of(config))
        {
            text.Append('\n');
            if (option.Section != section)
            {
                section = option.Section;
                text.Append(CultureInfo.InvariantCulture, $"[{section}]\n");
            }

            foreach (var line in option.Comment.Split('\n'))
            {
                text.Append(CultureInfo.InvariantCulture, $"# {line}\n");
            }

            text.Append(option.IsSet(config) ? "" : "# ").Append(CultureInfo.InvariantCulture, $"{option.Key} = {option.Show(config)}\n");
        }

        return text.ToString();
    }

    /// <summary>A basic string of TOML.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' or '\\' => quoted.Append('\\').Append(c),
                < ' ' or '\x7F' => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
                _ => quoted.Append(c),
            };
        }

        return quoted.Append('"').ToString();
    }

    public static string List(IEnumerable<string> texts) => $"[{string.Join(", ", texts.Select(Quote))}]";

    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>The lower-case name of an enumeration's value.</summary>
    public static string Word<T>(T value)
        where T : struct, Enum
        => $"{value}".ToLowerInvariant();
}
