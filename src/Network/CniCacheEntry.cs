using System.Text.Json;

namespace Crisp.Network;

/// <summary>
/// What this client remembers of one attachment, as JSON on the disk: everything that DEL and CHECK need when the
/// configuration has changed, the namespace is gone, or the machine was restarted.
/// </summary>
internal sealed record CniCacheEntry
{
    /// <summary>The version of this form. A reader sets a higher one aside.</summary>
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    public required CniCacheStage Stage { get; init; }

    public required string ContainerId { get; init; }

    public required string InterfaceName { get; init; }

    public required string Netns { get; init; }

    public required IReadOnlyDictionary<string, string> Arguments { get; init; }

    public required CapabilityArguments Capabilities { get; init; }

    /// <summary>The network as it was at ADD, in the version that was spoken.</summary>
    public required JsonElement Config { get; init; }

    /// <summary>Where the network came from, for people.</summary>
    public required string Source { get; init; }

    /// <summary>The last plugin's result; absent while the ADD is under way.</summary>
    public JsonElement? Result { get; init; }

    /// <summary>What is written before the first plugin runs.</summary>
    public static CniCacheEntry Adding(NetworkConfigList network, CniAttachment attachment) => new()
    {
        Stage = CniCacheStage.Adding,
        ContainerId = attachment.ContainerId,
        InterfaceName = attachment.InterfaceName,
        Netns = attachment.Netns,
        Arguments = attachment.Arguments,
        Capabilities = attachment.Capabilities,
        Config = network.ToJson(),
        Source = network.Source,
    };

    public CniAttachment ToAttachment() => new()
    {
        ContainerId = ContainerId,
        InterfaceName = InterfaceName,
        Netns = Netns,
        Arguments = Arguments,
        Capabilities = Capabilities,
    };
}

/// <summary>How far an ADD has come.</summary>
internal enum CniCacheStage
{
    /// <summary>Written before the first plugin runs: any of them may have done something.</summary>
    Adding,

    /// <summary>All plugins have succeeded.</summary>
    Added,
}
