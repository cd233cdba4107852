using System.Text.Json;
using Crisp.Linux;

namespace Crisp.Network;

public sealed partial class CniNetwork
{
    /// <summary>
    /// Runs the chain in reverse with the configuration and the result of ADD, as the cache has them. Idempotent: what was
    /// never added, or is deleted already, is success.
    /// </summary>
    /// <param name="netns">Overrides the path that was given to ADD, which a restart may have changed.</param>
    /// <param name="fallback">The network to assume when the cache entry cannot be read.</param>
    /// <returns>Whether there was anything to delete.</returns>
    /// <exception cref="CniException">A plugin failed. The attachment is kept, and deleting it can be tried again.</exception>
    public Task<bool> DeleteAsync(
        string containerId,
        string interfaceName = CniAttachment.DefaultInterface,
        string? netns = null,
        NetworkConfigList? fallback = null)
        => OnThread(() => Delete(new CniAttachment { ContainerId = containerId, InterfaceName = interfaceName, Netns = netns ?? "" }, netns, fallback));

    private bool Delete(CniAttachment attachment, string? netns, NetworkConfigList? fallback)
    {
        attachment.Check();
        using var held = _cache.Open(attachment.ContainerId, attachment.InterfaceName);
        if (held is null)
        {
            return false;
        }

        PluginChain chain;
        JsonElement? previous = null;
        if (Entry(attachment.ContainerId, attachment.InterfaceName) is { } entry)
        {
            if (entry.Stage == CniCacheStage.Adding)
            {
                // The daemon died within ADD, and a plugin that outlived it could add again what is deleted now.
                PluginRemains.Kill(held);
            }

            var network = NetworkOf(entry);
            attachment = entry.ToAttachment() with { Netns = Reachable(netns ?? entry.Netns) };
            chain = new PluginChain(network, _options, attachment, held);
            previous = PreviousOf(entry, network);
        }
        else if (fallback is not null)
        {
            chain = new PluginChain(Negotiated(fallback), _options, attachment with { Netns = Reachable(attachment.Netns) }, held);
        }
        else
        {
            throw new CniException($"The pod {attachment.ContainerId} cannot be deleted from its network: its cache entry was damaged, and there is no network configuration.");
        }

        RunDelete(chain, chain.Count - 1, previous);
        Forget(attachment);
        return true;
    }

    private void RunDelete(PluginChain chain, int last, JsonElement? previous)
    {
        for (var index = last; index >= 0; index--)
        {
            try
            {
                // DEL knows prevResult since 0.4.0.
                chain.Run("DEL", index, chain.Network.Version >= CniVersion.V040 ? previous : null);
            }
            catch (CniException e) when (e.Error?.Code == CniError.UnknownContainer)
            {
                // The plugin has nothing of this pod, which is what was wanted.
            }

            _options.Reached?.Invoke(CniStep.PluginDeleted);
        }
    }

    private void Forget(CniAttachment attachment)
    {
        _cache.Delete(attachment.ContainerId, attachment.InterfaceName);
        _options.Reached?.Invoke(CniStep.AttachmentForgotten);
    }

    private static JsonElement? PreviousOf(CniCacheEntry entry, NetworkConfigList network)
    {
        if (entry.Result is not { } json)
        {
            return null;
        }

        var result = CniResultReader.Read(JsonSerializer.SerializeToUtf8Bytes(json, CniJson.Default.JsonElement), network.Version);
        return PreviousResult.In(result, network.Version);
    }

    // A plugin that is given a path which leads nowhere may fail; given none it deletes what it can (specification, DEL).
    private static string Reachable(string netns)
    {
        try
        {
            using var file = netns.Length > 0 ? Files.Open(netns, OpenFlags.Path) : null;
            return file is not null && Files.Statfs(file).Type == FilesystemStatus.NsfsMagic ? netns : "";
        }
        catch (LinuxException)
        {
            return "";
        }
    }
}
