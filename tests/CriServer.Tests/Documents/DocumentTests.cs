using System.CommandLine;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.Configuration;
using Xunit;

namespace Crisp.CriServer.Tests.Documents;

/// <summary>The pages of docs/ say what the program does.</summary>
public sealed class DocumentTests
{
    // Said once for all commands.
    private static readonly string[] _shared = ["--help", "--version", "--socket", "--config"];

    [Fact]
    public void Configuration_IsTheDefaultFile()
    {
        var printed = ConfigText.Write(new CrispConfig()).Replace(
            new CrispConfig().SandboxBinaryPath, "/usr/local/bin/crisp-sandbox", StringComparison.Ordinal);
        Assert.Contains($"\n```toml\n{printed}```\n", Read("configuration.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void OptionsThatNeedNoRestart_AreListed()
    {
        var section = Read("configuration.md").Split("\n## ").Single(s => s.StartsWith("Without a restart\n", StringComparison.Ordinal));
        var listed = section.Split('\n').Where(l => l.StartsWith("- ", StringComparison.Ordinal)).SelectMany(l => l.Split('`').Where((_, i) => i % 2 == 1));
        Assert.Equal(ConfigOptions.All.Where(o => o.Reload is not null).Select(o => o.Name), listed);
    }

    [Fact]
    public void EveryCommand_HasASectionWithItsOptions()
    {
        var sections = Read("cli.md").Split("\n## ").ToDictionary(s => s[..s.IndexOf('\n', StringComparison.Ordinal)]);
        var missing =
            from command in CrispCommand.Create().Subcommands
            let section = sections.GetValueOrDefault($"crisp {command.Name}") ?? ""
            from name in Names(command)
            where !section.Contains(name, StringComparison.Ordinal)
            select $"crisp {command.Name}: {name}";
        Assert.Empty(missing);
    }

    [Fact]
    public void EverySection_IsOfACommand()
    {
        var commands = CrispCommand.Create().Subcommands.Select(c => $"crisp {c.Name}");
        var sections = Read("cli.md").Split("\n## ").Skip(1).Select(s => s.Split('\n')[0]).Where(s => s.StartsWith("crisp ", StringComparison.Ordinal));
        Assert.Equal(commands.Order(), sections.Order());
    }

    private static IEnumerable<string> Names(Command command) =>
    [
        command.Name,
        .. command.Options.Select(o => o.Name).Except(_shared).Select(name => $"`{name}"),
        .. command.Subcommands.SelectMany(Names),
    ];

    private static string Read(string name)
    {
        using var stream = typeof(DocumentTests).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
