using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Crisp.Network;

/// <summary>The forms that the specification gives to names. They become parts of paths, so nothing else is let through.</summary>
internal static partial class CniName
{
    private const int LongestFileName = 255;
    private const int LongestInterface = 15;

    /// <summary>Network names and container ids.</summary>
    public static bool IsIdentifier([NotNullWhen(true)] string? text)
        => text is { Length: > 0 and <= LongestFileName } && Identifier().IsMatch(text);

    /// <summary>A plugin's type is the name of its program: one component of a path.</summary>
    public static bool IsPluginType([NotNullWhen(true)] string? text)
        => text is { Length: > 0 and <= LongestFileName } && text is not ("." or "..") && text.AsSpan().IndexOfAny("/\\\0") < 0;

    public static bool IsInterface([NotNullWhen(true)] string? text)
        => text is { Length: > 0 and <= LongestInterface } && text is not ("." or "..")
            && !text.Any(c => c is '/' or ':' or '\0' || char.IsWhiteSpace(c) || c > '~');

    [GeneratedRegex(@"^[a-zA-Z0-9][a-zA-Z0-9_.-]*\z")]
    private static partial Regex Identifier();
}
