using System.Text.Json.Serialization;

namespace Crisp.CriServer.Cdi;

/// <summary>What a device changes of a container (containerEdits).</summary>
public sealed record CdiEdits
{
    /// <summary>NAME=value.</summary>
    public IReadOnlyList<string> Env { get; init => field = value ?? []; } = [];

    public IReadOnlyList<CdiDeviceNode> DeviceNodes { get; init => field = value ?? []; } = [];

    public IReadOnlyList<CdiMount> Mounts { get; init => field = value ?? []; } = [];

    public IReadOnlyList<CdiHook> Hooks { get; init => field = value ?? []; } = [];

    /// <summary>Groups of the process; 0 is ignored.</summary>
    public IReadOnlyList<uint> AdditionalGids { get; init => field = value ?? []; } = [];

    /// <summary>Known only to be refused.</summary>
    public CdiIntelRdt? IntelRdt { get; init; }

    /// <summary>Known only to be refused.</summary>
    public IReadOnlyList<CdiNetDevice> NetDevices { get; init => field = value ?? []; } = [];

    [JsonIgnore]
    internal bool IsEmpty => Env.Count + DeviceNodes.Count + Mounts.Count + Hooks.Count + AdditionalGids.Count + NetDevices.Count == 0 && IntelRdt is null;

    /// <summary>These, and then the others.</summary>
    internal CdiEdits With(CdiEdits other) => new()
    {
        Env = [.. Env, .. other.Env],
        DeviceNodes = [.. DeviceNodes, .. other.DeviceNodes],
        Mounts = [.. Mounts, .. other.Mounts],
        Hooks = [.. Hooks, .. other.Hooks],
        AdditionalGids = [.. AdditionalGids, .. other.AdditionalGids],
        IntelRdt = other.IntelRdt ?? IntelRdt,
        NetDevices = [.. NetDevices, .. other.NetDevices],
    };
}

/// <summary>A device file. What it leaves out is that of the node's file at <see cref="HostPath"/>, which is by default <see cref="Path"/>.</summary>
/// <param name="Type">b, c, u (as c) or p (a FIFO).</param>
/// <param name="FileMode">Permission bits.</param>
/// <param name="Permissions">Of r, w and m; empty for all of them, and "none" for none.</param>
public sealed record CdiDeviceNode(
    string Path = "", string HostPath = "", string Type = "", uint Major = 0, uint Minor = 0, uint? FileMode = null,
    string Permissions = "", uint? Uid = null, uint? Gid = null);

/// <param name="Options">As mount(8) and the OCI runtime specification have them.</param>
/// <param name="Type">A bind mount where it is left out.</param>
public sealed record CdiMount(string HostPath = "", string ContainerPath = "", IReadOnlyList<string>? Options = null, string Type = "");

/// <param name="HookName">A phase of the OCI runtime specification: createRuntime, createContainer, …</param>
/// <param name="Timeout">Seconds.</param>
public sealed record CdiHook(string HookName = "", string Path = "", IReadOnlyList<string>? Args = null, IReadOnlyList<string>? Env = null, int? Timeout = null);

/// <summary>Shares of caches and memory bandwidth (resctrl).</summary>
/// <param name="Schemata">From version 1.1 on, as is <paramref name="EnableMonitoring"/>.</param>
/// <param name="EnableCMT">Up to version 1.0, as is <paramref name="EnableMBM"/>.</param>
public sealed record CdiIntelRdt(
    [property: JsonPropertyName("closID")] string ClosId = "",
    string L3CacheSchema = "",
    string MemBwSchema = "",
    IReadOnlyList<string>? Schemata = null,
    bool EnableMonitoring = false,
    [property: JsonPropertyName("enableCMT")] bool EnableCMT = false,
    [property: JsonPropertyName("enableMBM")] bool EnableMBM = false);

/// <summary>An interface of the node's that moves into the container's network.</summary>
public sealed record CdiNetDevice(string HostInterfaceName = "", string Name = "");
