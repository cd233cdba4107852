using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crisp.NodeAgent.Switching;

/// <summary>The steps of a switch, in their order. The record names the next one; each may be done twice.</summary>
/// <remarks>
/// <code>
/// StopKubelet → RemovePods → SetEndpoint → StartKubelet → AwaitKubelet → AwaitConfirmation → Ended
///      └────────────┴─────────────┴─────── a failure ──────────┴──────────────┘
/// UndoStopKubelet → UndoRemovePods → UndoEndpoint → UndoStartKubelet → Ended
/// </code>
/// </remarks>
internal enum SwitchStep
{
    StopKubelet,
    RemovePods,
    SetEndpoint,
    StartKubelet,
    AwaitKubelet,
    AwaitConfirmation,
    UndoStopKubelet,
    UndoRemovePods,
    UndoEndpoint,
    UndoStartKubelet,
    Ended,
}

/// <summary>A kubelet on its way from one runtime to another, as it is kept on the host: whoever dies, this stays.</summary>
internal sealed record SwitchRecord
{
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>Of this switch; a confirmation names it.</summary>
    public required string Id { get; init; }

    /// <summary>Whether crisp is the runtime that it leads to.</summary>
    public required bool ToCrisp { get; init; }

    /// <summary>What the kubelet's file said before.</summary>
    public required KubeletSetting Before { get; init; }

    /// <summary>What it is to say.</summary>
    public required KubeletSetting After { get; init; }

    public required string KubeletUnit { get; init; }

    /// <summary>The kubelet's own health check (healthzBindAddress, healthzPort).</summary>
    public required string KubeletHealth { get; init; }

    /// <summary>How long the node may take from the kubelet's start to a pod of the agent's that finds it Ready.</summary>
    public required TimeSpan Patience { get; init; }

    public SwitchStep Step { get; init; } = SwitchStep.StopKubelet;

    /// <summary>When patience ends; known once the kubelet is to start. A reboot does not lengthen it.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>Why it was taken back, as a sentence; null while all goes well.</summary>
    public string? Failure { get; init; }

    /// <summary>Whether the agent has told the cluster how it ended.</summary>
    public bool IsReported { get; init; }

    [JsonIgnore]
    public bool HasEnded => Step == SwitchStep.Ended;

    public static string Write(SwitchRecord record) => JsonSerializer.Serialize(record, SwitchJson.Default.SwitchRecord) + "\n";

    /// <summary>Null for what is no record of a version that this program knows.</summary>
    public static SwitchRecord? Read(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, SwitchJson.Default.SwitchRecord) is { Version: CurrentVersion } record ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(SwitchRecord))]
[JsonSerializable(typeof(KubeletSetting))]
internal sealed partial class SwitchJson : JsonSerializerContext;
