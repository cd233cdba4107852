using System.CommandLine;

namespace Crisp.CriServer.CommandLine;

/// <summary>
/// For commands that end with a command of somebody else's, <c>crisp run IMAGE sh -c 'exit 3'</c>: what follows the first
/// argument is not ours to read. The parser knows "--" for that, which nobody types.
/// </summary>
internal static class TrailingCommand
{
    private const string EndOfOptions = "--";

    /// <param name="names">The commands of the root that it holds for.</param>
    /// <returns>The arguments, with "--" after the first one that is no option.</returns>
    public static string[] Separate(RootCommand root, string[] arguments, params ReadOnlySpan<string> names)
    {
        if (arguments.Length == 0 || !names.Contains(arguments[0]))
        {
            return arguments;
        }

        var command = root.Subcommands.First(c => c.Name == arguments[0]);
        for (var i = 1; i < arguments.Length; i++)
        {
            if (arguments[i] == EndOfOptions)
            {
                return arguments;
            }

            if (arguments[i] is not ['-', _, ..])
            {
                return arguments.ElementAtOrDefault(i + 1) == EndOfOptions ? arguments : [.. arguments[..(i + 1)], EndOfOptions, .. arguments[(i + 1)..]];
            }

            i += TakesNext(command, arguments[i]) ? 1 : 0;
        }

        return arguments;
    }

    // "--env=A=1" and "-e=A=1" hold their value, "--env A=1" does not.
    private static bool TakesNext(Command command, string text)
        => command.Options.FirstOrDefault(o => o.Name == text || o.Aliases.Contains(text)) is { } option && option.Arity.MaximumNumberOfValues > 0
            && option.ValueType != typeof(bool);
}
