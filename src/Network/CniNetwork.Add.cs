using System.Text.Json;
using Crisp.Linux;

namespace Crisp.Network;

public sealed partial class CniNetwork
{
    /// <summary>Runs the chain. When a plugin fails, what was done is undone before this throws.</summary>
    /// <exception cref="CniException">A sentence on what failed, and on what to do.</exception>
    public Task<CniResult> AddAsync(NetworkConfigList network, CniAttachment attachment) => OnThread(() => Add(network, attachment));

    private CniResult Add(NetworkConfigList network, CniAttachment attachment)
    {
        attachment.Check();
        if (Entry(attachment.ContainerId, attachment.InterfaceName) is not null)
        {
            throw new CniException($"The pod {attachment.ContainerId} is already in a network with {attachment.InterfaceName}.");
        }

        // Before anything is written: a program that is missing leaves nothing to undo.
        _ = network.Plugins.Select(p => CniPlugin.Find(p.Type, _options.BinDirectories)).ToList();
        network = Negotiated(network);
        var entry = CniCacheEntry.Adding(network, attachment);
        using var held = _cache.Write(entry);
        _options.Reached?.Invoke(CniStep.AddRecorded);
        var chain = new PluginChain(network, _options, attachment, held);
        var result = RunAdd(chain);
        using (_cache.Write(entry with { Stage = CniCacheStage.Added, Result = result.Json }))
        {
            _options.Reached?.Invoke(CniStep.ResultRecorded);
        }

        return result;
    }

    private CniResult RunAdd(PluginChain chain)
    {
        CniResult? result = null;
        for (var index = 0; index < chain.Count; index++)
        {
            try
            {
                result = chain.Add(index, result is null ? null : PreviousResult.In(result, chain.Network.Version));
                _options.Reached?.Invoke(CniStep.PluginAdded);
            }
            catch (Exception e) when (e is CniException or LinuxException)
            {
                RollBack(chain, index, result, e);
                throw;
            }
        }

        return result!;
    }

    /// <summary>"A delete operation must still be executed even if the add fails" (specification): also of the plugin that failed.</summary>
    private void RollBack(PluginChain chain, int failed, CniResult? result, Exception cause)
    {
        var previous = result is null ? (JsonElement?)null : PreviousResult.In(result, chain.Network.Version);
        try
        {
            RunDelete(chain, DidNothing(cause) ? failed - 1 : failed, previous);
            Forget(chain.Attachment!);
        }
        catch (Exception e) when (e is CniException or LinuxException)
        {
            // The cache still says Adding, so that the next DEL of this pod tries again.
            throw new CniException($"{cause.Message} What was done before could not be undone: {e.Message}", cause) { Error = (cause as CniException)?.Error };
        }
    }

    // Of the codes, 3 says that there is nothing to clean up, and with 1 the plugin would not understand DEL either.
    private static bool DidNothing(Exception cause)
        => cause is CniException { NeverRan: true } or CniException { Error.Code: CniError.UnknownContainer or CniError.IncompatibleVersion };
}
