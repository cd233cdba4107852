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
    /// <param name="lost">
    /// The pod may have joined, and a power failure may have taken its entry: without one, the fallback is deleted from.
    /// </param>
    /// <returns>Whether there was anything to delete.</returns>
    /// <exception cref="CniException">A plugin failed. The attachment is kept, and deleting it can be tried again.</exception>
    public Task<bool> DeleteAsync(
        string containerId,
        string interfaceName = CniAttachment.DefaultInterface,
        string? netns = null,
        NetworkConfigList? fallback = null,
        bool lost = false)
        => OnThread(() => Delete(new CniAttachment { ContainerId = containerId, InterfaceName = interfaceName, Netns = netns ?? "" }, netns, fallback, lost));

    private bool Delete(CniAttachment attachment, string? netns, NetworkConfigList? fallback, bool lost)
    {
        attachment.Check();
        var entry = Entry(attachment.ContainerId, attachment.InterfaceName, out var damaged);
        if (entry is null && (damaged || lost) && fallback is not null)
        {
            // In the cache first, so that a plugin that fails is asked again.
            entry = CniCacheEntry.Adding(Negotiated(fallback), attachment);
            _cache.Write(entry).Dispose();
        }

        if (entry is null)
        {
            return damaged
                ? throw new CniException($"The pod {attachment.ContainerId} cannot be deleted from its network: its cache entry was damaged, and there is no network configuration.")
                : false;
        }

        using var held = _cache.Open(attachment.ContainerId, attachment.InterfaceName);
        if (entry.Stage == CniCacheStage.Adding && held is not null)
        {
            // The daemon died within ADD, and a plugin that outlived it could add again what is deleted now.
            PluginRemains.Kill(held);
        }

        var network = NetworkOf(entry);
        attachment = entry.ToAttachment() with { Netns = Reachable(netns ?? entry.Netns) };
        var chain = new PluginChain(network, _options, attachment, held);
        RunDelete(chain, chain.Count - 1, PreviousOf(entry, network));
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
