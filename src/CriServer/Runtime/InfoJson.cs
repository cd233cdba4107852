using System.Text.Json;
using System.Text.Json.Serialization;
using Crisp.CriServer.State;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Runtime;

/// <summary>PodSandboxStatusResponse.info when verbose; field names as other runtimes have them, since scripts read them.</summary>
public sealed record SandboxInfo
{
    public int Pid { get; init; }

    public SandboxStage Stage { get; init; }

    public string? Problem { get; init; }

    public required string RunDirectory { get; init; }

    public required string CgroupPath { get; init; }

    /// <summary>Paths that name the pod's own namespaces; those that are missing are the node's.</summary>
    public required IReadOnlyDictionary<string, string> Namespaces { get; init; }

    /// <summary>What the network's plugins made, in CNI's words; null on the node's network.</summary>
    public JsonElement? CniResult { get; init; }

    public required SandboxResources Resources { get; init; }

    public required SandboxSpec RuntimeSpec { get; init; }
}

/// <summary>ContainerStatusResponse.info when verbose.</summary>
public sealed record ContainerInfo
{
    public required string SandboxId { get; init; }

    /// <summary>0 unless running.</summary>
    public int Pid { get; init; }

    /// <summary>The writable layer and what overlayfs needs beside it.</summary>
    public required string UpperDirectory { get; init; }

    public required string WorkDirectory { get; init; }

    public required IReadOnlyList<string> LowerDirectories { get; init; }

    /// <summary>Of the writable layer; null for none.</summary>
    public LayerQuota? LayerQuota { get; init; }

    /// <summary>By kind, as /proc/PID/ns names them; empty unless running.</summary>
    public required IReadOnlyDictionary<string, string> Namespaces { get; init; }

    public required ContainerSpec RuntimeSpec { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(SandboxInfo))]
[JsonSerializable(typeof(ContainerInfo))]
internal sealed partial class InfoJson : JsonSerializerContext;
