using System.Text.Json;
using Crisp.Linux;

namespace Crisp.Network;

/// <summary>A network's plugins with one attachment, or none: runs them one at a time and turns failures into sentences.</summary>
internal sealed class PluginChain(NetworkConfigList network, CniOptions options, CniAttachment? attachment = null, FileDescriptor? held = null)
{
    public NetworkConfigList Network => network;

    public CniAttachment? Attachment => attachment;

    public int Count => network.Plugins.Count;

    /// <returns>What the plugin printed.</returns>
    /// <exception cref="CniException">It failed; <see cref="CniException.Error"/> has its own words, if it had any.</exception>
    public byte[] Run(
        string command,
        int index,
        JsonElement? previous = null,
        IReadOnlyCollection<(string ContainerId, string InterfaceName)>? valid = null)
    {
        var config = network.Plugins[index];
        var plugin = CniPlugin.Find(config.Type, options.BinDirectories);
        var request = RequestConfig.Write(network, config, attachment?.Capabilities, previous, valid);
        var output = plugin.Run(command, request, attachment, held, options.PluginTimeout);
        return output.Succeeded ? output.Stdout : throw Failure(command, plugin, output);
    }

    /// <exception cref="CniException">It failed, or printed something else than a result.</exception>
    public CniResult Add(int index, JsonElement? previous)
    {
        var output = Run("ADD", index, previous);
        try
        {
            return CniResultReader.Read(output, network.Version);
        }
        catch (CniException e)
        {
            throw new CniException($"The CNI plugin {Where(index)} {e.Message}. It may be of another version than {network.Source} asks for.", e);
        }
    }

    private string Where(int index) => $"{network.Plugins[index].Type} of the network {network.Name}";

    private CniException Failure(string command, CniPlugin plugin, PluginOutput output)
    {
        var subject = $"The CNI plugin {plugin} of the network {network.Name}";
        if (CniError.Read(output.Stdout) is { } error)
        {
            var advice = CniAdvice.For(error, network.Source);
            return new CniException($"{subject} failed at {command}: {error}.{(advice.Length > 0 ? $" {advice}" : "")}", error);
        }

        var how = output.Exit.Signal > 0 ? $"was ended by signal {output.Exit.Signal}" : $"ended with code {output.Exit.ExitCode}";
        var said = output.Stderr.Length > 0 ? output.Stderr : PrintableText.From(output.Stdout);
        return new CniException($"{subject} {how} at {command}{(said.Length > 0 ? $": {said}" : " and said nothing")}.");
    }
}
