namespace Crisp.CriServer.Configuration;

/// <summary>One option of the configuration file: where it stands, what it is for, and how it gets into the configuration.</summary>
internal sealed record ConfigOption
{
    /// <summary>The table of TOML that holds it, or empty for the file's beginning.</summary>
    public required string Section { get; init; }

    public required string Key { get; init; }

    /// <summary>What it is for, in lines of at most 100 columns.</summary>
    public required string Comment { get; init; }

    /// <summary>
    /// Whether the configuration has a value of its own. One that follows from another option is written as a comment: written
    /// as a value it would no longer follow.
    /// </summary>
    public Func<CrispConfig, bool> IsSet { get; init; } = _ => true;

    /// <summary>Its value in this configuration, in TOML.</summary>
    public required Func<CrispConfig, string> Show { get; init; }

    /// <summary>The configuration with this value; throws <see cref="ConfigValueException"/> for one that it cannot be.</summary>
    public required Func<CrispConfig, ConfigValue, CrispConfig> Apply { get; init; }

    /// <summary>
    /// The first configuration, a running daemon's, with this option's value in the second one, which was read anew. Null for an
    /// option that cannot change while the daemon runs.
    /// </summary>
    public Func<CrispConfig, CrispConfig, CrispConfig>? Reload { get; init; }

    /// <summary>For example <c>log.level</c>, as it can also be written.</summary>
    public string Name => Section.Length == 0 ? Key : $"{Section}.{Key}";
}
