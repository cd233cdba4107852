namespace Crisp.Network;

/// <summary>Where the programs and files of CNI lie, and how patient this client is.</summary>
public sealed record CniOptions
{
    /// <summary>Where networks are configured; the first valid file in lexical order is the pods' network.</summary>
    public string ConfDirectory { get; init; } = "/etc/cni/net.d";

    /// <summary>Where plugins lie, in the order of the search.</summary>
    public IReadOnlyList<string> BinDirectories { get; init; } = ["/opt/cni/bin", "/usr/lib/cni"];

    /// <summary>Where this client remembers what it has added. It must survive a reboot.</summary>
    public required string CacheDirectory { get; init; }

    /// <summary>How long one plugin may take; then it is killed with everything that it started.</summary>
    public TimeSpan PluginTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Called after each durable step, so that tests can end the process there.</summary>
    public Action<CniStep>? Reached { get; init; }
}

/// <summary>The moments within ADD and DEL at which a death of the process must do no harm.</summary>
public enum CniStep
{
    /// <summary>The cache says that an ADD is under way; no plugin has run.</summary>
    AddRecorded,

    /// <summary>A plugin has done its ADD.</summary>
    PluginAdded,

    /// <summary>The cache holds the result.</summary>
    ResultRecorded,

    /// <summary>A plugin has done its DEL.</summary>
    PluginDeleted,

    /// <summary>The cache has forgotten the attachment.</summary>
    AttachmentForgotten,
}
