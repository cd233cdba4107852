using System.Collections.Concurrent;
using System.Text.Json;

namespace Crisp.Network;

public sealed partial class CniNetwork
{
    private readonly ConcurrentDictionary<string, (long Changed, IReadOnlyList<CniVersion> Versions)> _spoken = new();

    /// <summary>
    /// Whether pods can join: every plugin's program is there, and the plugins that know STATUS (1.1.0) are content.
    /// </summary>
    /// <exception cref="CniException">What is missing, or what a plugin says.</exception>
    public Task StatusAsync(NetworkConfigList network) => OnThread(() => Status(network));

    /// <summary>
    /// Tells the plugins which attachments are still there, all that the cache knows, so that they free what belongs to others
    /// (GC, since 1.1.0). Never runs beside ADD or DEL.
    /// </summary>
    /// <returns>Sentences of plugins that failed; the others have done their work.</returns>
    public Task<IReadOnlyList<string>> CollectGarbageAsync(NetworkConfigList network)
        => OnThread<IReadOnlyList<string>>(() => CollectGarbage(network, _cache.Attachments()), exclusive: true);

    private bool Status(NetworkConfigList network)
    {
        var missing = network.Plugins.Select(p => p.Type).Distinct().Select(Missing).Where(m => m.Length > 0).ToList();
        if (missing.Count > 0)
        {
            throw new CniException(string.Join(" ", missing));
        }

        network = Negotiated(network);
        if (network.Version >= CniVersion.V110)
        {
            var chain = new PluginChain(network, _options);
            for (var index = 0; index < chain.Count; index++)
            {
                RunKnown(chain, "STATUS", index, null);
            }
        }

        return true;
    }

    private List<string> CollectGarbage(
        NetworkConfigList network, IReadOnlyCollection<(string ContainerId, string InterfaceName)> valid)
    {
        var failures = new List<string>();
        network = Negotiated(network);
        if (network.DisableGc || network.Version < CniVersion.V110)
        {
            return failures;
        }

        var chain = new PluginChain(network, _options);
        for (var index = 0; index < chain.Count; index++)
        {
            try
            {
                RunKnown(chain, "GC", index, valid);
            }
            catch (CniException e)
            {
                failures.Add(e.Message);
            }
        }

        return failures;
    }

    // A plugin of a 1.1.0 network may be older than these two commands; it then answers that it does not know CNI_COMMAND.
    private static void RunKnown(
        PluginChain chain, string command, int index, IReadOnlyCollection<(string ContainerId, string InterfaceName)>? valid)
    {
        try
        {
            chain.Run(command, index, valid: valid);
        }
        catch (CniException e) when (e.Error is { Code: CniError.InvalidEnvironment } error
            && error.Message.Contains("CNI_COMMAND", StringComparison.Ordinal))
        {
            // Not to know the command is no failure.
        }
    }

    private string Missing(string type)
    {
        try
        {
            CniPlugin.Find(type, _options.BinDirectories);
            return "";
        }
        catch (CniException e)
        {
            return e.Message;
        }
    }

    /// <summary>The network in the newest of its versions that every one of its plugins speaks; they are asked only where there is a choice.</summary>
    private NetworkConfigList Negotiated(NetworkConfigList network)
    {
        if (network.Versions.Count == 1)
        {
            return network;
        }

        var spoken = network.Plugins.Select(p => p.Type).Distinct().Select(type => VersionsOf(network, type)).ToList();
        var common = network.Versions.Where(v => spoken.TrueForAll(s => s.Contains(v))).ToList();
        return common.Count > 0
            ? network.In(common[^1])
            : throw new CniException($"No version in \"cniVersions\" of {network.Source} is spoken by all of its plugins: give one that each of them lists (CNI_COMMAND=VERSION).");
    }

    private IReadOnlyList<CniVersion> VersionsOf(NetworkConfigList network, string type)
    {
        var plugin = CniPlugin.Find(type, _options.BinDirectories);
        var changed = File.GetLastWriteTimeUtc(plugin.Path).Ticks;
        if (_spoken.TryGetValue(plugin.Path, out var known) && known.Changed == changed)
        {
            return known.Versions;
        }

        var request = System.Text.Encoding.UTF8.GetBytes($"{{\"cniVersion\":\"{network.Version}\"}}");
        var output = plugin.Run("VERSION", request, null, null, _options.PluginTimeout);
        var versions = ReadVersions(plugin, output);
        _spoken[plugin.Path] = (changed, versions);
        return versions;
    }

    private static List<CniVersion> ReadVersions(CniPlugin plugin, PluginOutput output)
    {
        try
        {
            using var document = JsonDocument.Parse(output.Stdout);
            var texts = document.RootElement.GetProperty("supportedVersions").EnumerateArray().Select(v => v.GetString()).ToList();
            return [.. texts.Where(t => CniVersion.TryParse(t, out _)).Select(t => CniVersion.TryParse(t, out var v) ? v : default)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new CniException($"The CNI plugin {plugin} does not say which versions it speaks: it answered VERSION with \"{PrintableText.From(output.Stdout, 200)}\".", e);
        }
    }
}
