using System.Net;
using Tomlyn.Syntax;

namespace Crisp.CriServer.Configuration;

/// <summary>A value of the configuration file; each reading throws <see cref="ConfigValueException"/> when it is something else.</summary>
internal sealed class ConfigValue(ValueSyntax? syntax)
{
    public string Text() => Text(syntax);

    public IReadOnlyList<string> Texts() => Items(Text);

    public string AbsolutePath() => AbsolutePath(syntax);

    public IReadOnlyList<string> AbsolutePaths() => Items(AbsolutePath);

    /// <summary>An IP address with a port.</summary>
    /// <param name="anyPort">Whether port 0, a free one, will do.</param>
    public string EndPoint(bool anyPort = false)
    {
        var text = Text();
        return IPEndPoint.TryParse(text, out var address) && (address.Port > 0 || (anyPort && text.EndsWith(":0", StringComparison.Ordinal)))
            ? text
            : throw Wrong("an IP address and a port, such as \"127.0.0.1:9741\" or \"[::1]:9741\"");
    }

    public string CgroupPath()
    {
        try
        {
            return Cgroups.CgroupPath.Parse(Text()).Value;
        }
        catch (ArgumentException e)
        {
            throw Wrong($"a cgroup's path beneath the hierarchies' roots ({e.Message})");
        }
    }

    public TimeSpan Duration(TimeSpan least = default)
    {
        var text = syntax is StringValueSyntax ? Text() : throw Wrong("a time such as \"10s\"");
        var time = Configuration.Duration.TryParse(text, out var read) ? read : throw Wrong("a time such as \"10s\" or \"1m30s\"");
        return time >= least ? time : throw Wrong($"at least \"{Configuration.Duration.Show(least)}\"");
    }

    public int Number(int least, int most)
        => syntax is IntegerValueSyntax { Value: var number } && number >= least && number <= most
            ? (int)number
            : throw Wrong($"a number from {least} to {most}");

    /// <summary>A size such as "512M".</summary>
    public long Bytes(long least, long most)
        => syntax is StringValueSyntax && ByteSize.TryParse(Text(), out var bytes) && bytes >= least && bytes <= most
            ? bytes
            : throw Wrong($"a size from \"{ByteSize.Show(least)}\" to \"{ByteSize.Show(most)}\"");

    /// <summary>A value of an enumeration by its lower-case name.</summary>
    public T Word<T>()
        where T : struct, Enum
    {
        var words = Enum.GetValues<T>();
        var text = Text();
        foreach (var word in words)
        {
            if (ConfigText.Word(word) == text)
            {
                return word;
            }
        }

        var names = words.Select(ConfigText.Word).ToList();
        throw new ConfigValueException(
            $"must be one of {string.Join(", ", names)}; it is {ConfigText.Quote(text)}. Did you mean {ConfigText.Quote(NearestName.Of(text, names))}?");
    }

    private static string Text(ValueSyntax? syntax) =>
        syntax is StringValueSyntax { Value: { } text } ? text : throw Wrong(syntax, "a text in quotes");

    private static string AbsolutePath(ValueSyntax? syntax)
    {
        var path = Text(syntax);
        return Path.IsPathFullyQualified(path) && !path.Contains('\0', StringComparison.Ordinal)
            ? path
            : throw Wrong(syntax, "an absolute path");
    }

    private List<T> Items<T>(Func<ValueSyntax?, T> read) => syntax is ArraySyntax array
        ? [.. array.Items.Select(item => read(item.Value))]
        : throw Wrong("a list in brackets");

    private ConfigValueException Wrong(string wanted) => Wrong(syntax, wanted);

    private static ConfigValueException Wrong(ValueSyntax? syntax, string wanted) => new($"must be {wanted}; it is {$"{syntax}".Trim()}.");
}

/// <summary>What is wrong with a value, to be said after the option's name.</summary>
internal sealed class ConfigValueException(string message) : Exception(message);
