namespace Crisp.CriServer.Configuration;

/// <summary>The configuration of a daemon that runs: the one that it was started with, until another is taken over.</summary>
public sealed class LiveConfig(CrispConfig config)
{
    private volatile CrispConfig _current = config;

    /// <summary>To be asked at each use of an option that can change.</summary>
    public CrispConfig Current => _current;

    /// <summary>Takes over what can change while the daemon runs. Not for two threads at once.</summary>
    /// <param name="read">Every option, read anew.</param>
    internal ConfigChange Take(CrispConfig read)
    {
        var running = _current;
        var changed = ConfigOptions.Of(running).Concat(ConfigOptions.Of(read)).DistinctBy(o => o.Name)
            .Where(o => Configured(o, running) != Configured(o, read)).ToLookup(o => o.Reload is not null);
        _current = changed[true].Aggregate(running, (config, option) => option.Reload!(config, read));
        return new ConfigChange([.. changed[true].Select(o => o.Name)], [.. changed[false].Select(o => o.Name)]);
    }

    // What follows from another option is no change of its own, nor is a handler that has no section.
    private static string? Configured(ConfigOption option, CrispConfig config)
        => RuntimeOptions.NameIn(option.Name) is { } handler && config.Runtimes.All(r => r.Name != handler) ? null
            : option.IsSet(config) ? option.Show(config)
            : null;
}

/// <summary>How a configuration that was read anew differs from the running one.</summary>
/// <param name="Taken">The names of options that now hold.</param>
/// <param name="NeedRestart">The names of options that only a restart can change; they are what they were.</param>
internal sealed record ConfigChange(IReadOnlyList<string> Taken, IReadOnlyList<string> NeedRestart);
