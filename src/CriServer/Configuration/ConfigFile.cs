using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Crisp.CriServer.Configuration;

/// <summary>Reads configuration files. All that is wrong in one is said at once, each with its line.</summary>
internal static class ConfigFile
{
    public const string DefaultPath = Install.Installation.ConfigFile;

    /// <param name="path">A file that must exist, or null for the default one, without which the defaults hold.</param>
    /// <exception cref="ConfigException">The file cannot be read, or something in it is wrong.</exception>
    public static CrispConfig Load(string? path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path ?? DefaultPath);
        }
        catch (Exception e) when (path is null && e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new CrispConfig();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException([$"Cannot read the configuration {path ?? DefaultPath}: {e.Message}"], e);
        }

        return Parse(text, path ?? DefaultPath);
    }

    /// <param name="name">The file's name, for the errors.</param>
    /// <exception cref="ConfigException">Something in it is wrong.</exception>
    public static CrispConfig Parse(string text, string name)
    {
        var document = ParseToml(text, name);
        var problems = new List<(int Line, string Text)>();
        foreach (var message in document.Diagnostics)
        {
            problems.Add((Line(message.Span), message.Message));
        }

        var config = new CrispConfig();
        var entries = ConfigEntries.Of(document, problems);
        foreach (var (line, key, value) in entries)
        {
            var option = ConfigOptions.Near(key).FirstOrDefault(o => o.Name == key);
            if (option is null)
            {
                problems.Add((line, $"There is no option \"{key}\". Did you mean \"{NearestOption(key)}\"?"));
                continue;
            }

            try
            {
                config = option.Apply(config, value);
            }
            catch (ConfigValueException e)
            {
                problems.Add((line, $"{key} {e.Message}"));
            }
        }

        problems.AddRange(RuntimeOptions.Problems(config).Select(p => (entries.First(e => e.Key.StartsWith(p.Section, StringComparison.Ordinal)).Line, p.Text)));
        return problems.Count == 0
            ? config
            : throw new ConfigException([.. problems.OrderBy(p => p.Line).Select(p => $"{name}:{p.Line}: {p.Text}")]);
    }

    private static DocumentSyntax ParseToml(string text, string name)
    {
        try
        {
            return SyntaxParser.Parse(text, name, validate: true);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // The parser, where it is to tell of a character that does not exist after a backslash.
            throw new ConfigException([$"{name}: a backslash stands before something that is no character."], e);
        }
    }

    internal static int Line(SourceSpan span) => span.Start.Line + 1;

    // Somebody who left out or mistook the section still wrote a key that is close to the right one.
    private static string NearestOption(string key) => ConfigOptions.Near(key).MinBy(o => Distance(key, o))!.Name;

    private static int Distance(string key, ConfigOption option) => new[]
    {
        NearestName.Distance(key, option.Name),
        NearestName.Distance(key[(key.LastIndexOf('.') + 1)..], option.Key) + 1,
        option.Section.Length == 0 ? int.MaxValue : NearestName.Distance(key, option.Section) + 1,
    }.Min();
}
