namespace Crisp.Network;

public sealed partial class CniNetwork
{
    /// <summary>Asks every plugin whether the pod's network is as ADD left it (CHECK, since 0.4.0).</summary>
    /// <returns>False when the network must not be, or cannot be, asked.</returns>
    /// <exception cref="CniException">A plugin found something wrong.</exception>
    public Task<bool> CheckAsync(string containerId, string interfaceName = CniAttachment.DefaultInterface)
        => OnThread(() => Check(containerId, interfaceName));

    private bool Check(string containerId, string interfaceName)
    {
        if (Entry(containerId, interfaceName) is not { Stage: CniCacheStage.Added } entry)
        {
            throw new CniException($"The pod {containerId} is in no network with {interfaceName}.");
        }

        var network = NetworkOf(entry);
        if (network.DisableCheck || network.Version < CniVersion.V040)
        {
            return false;
        }

        var chain = new PluginChain(network, _options, entry.ToAttachment());
        var previous = PreviousOf(entry, network);
        for (var index = 0; index < chain.Count; index++)
        {
            chain.Run("CHECK", index, previous);
        }

        return true;
    }
}
