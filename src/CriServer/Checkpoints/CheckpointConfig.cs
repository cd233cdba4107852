using System.Text.Json.Serialization;
using Crisp.CriServer.State;

namespace Crisp.CriServer.Checkpoints;

/// <summary>config.dump of a checkpoint, with the names that CRI-O and containerd write and checkpointctl reads.</summary>
public sealed record CheckpointConfig
{
    [JsonPropertyName("id")]
    public required string Id { get; init; }

    [JsonPropertyName("name")]
    public required string Name { get; init; }

    /// <summary>As the pod's author wrote it.</summary>
    [JsonPropertyName("rootfsImage")]
    public required string RootfsImage { get; init; }

    [JsonPropertyName("rootfsImageRef")]
    public required string RootfsImageRef { get; init; }

    [JsonPropertyName("rootfsImageName")]
    public required string RootfsImageName { get; init; }

    [JsonPropertyName("runtime")]
    public required string Runtime { get; init; }

    [JsonPropertyName("createdTime")]
    public required DateTimeOffset Created { get; init; }

    [JsonPropertyName("checkpointedTime")]
    public required DateTimeOffset Checkpointed { get; init; }

    internal static CheckpointConfig Of(ContainerRecord container, DateTimeOffset now) => new()
    {
        Id = container.Id,
        Name = container.Metadata.Name,
        RootfsImage = container.Image.UserSpecified,
        RootfsImageRef = container.Image.Ref,
        RootfsImageName = container.Image.Requested,
        Runtime = "crisp",
        Created = DateTimeOffset.UnixEpoch.AddTicks(container.CreatedAt / TimeSpan.NanosecondsPerTick),
        Checkpointed = now,
    };
}

/// <summary>spec.dump: of the OCI runtime specification what says whose processes these are.</summary>
public sealed record CheckpointSpec
{
    public string OciVersion { get; init; } = "1.2.0";

    public required CheckpointProcess Process { get; init; }

    public required IReadOnlyDictionary<string, string> Annotations { get; init; }

    internal static CheckpointSpec Of(ContainerRecord container, SandboxRecord sandbox) => new()
    {
        Process = new CheckpointProcess(container.Spec.Process.Args, container.Spec.Process.Env, container.Spec.Process.Cwd),
        Annotations = new Dictionary<string, string>
        {
            ["io.kubernetes.cri.container-type"] = "container",
            ["io.kubernetes.cri.container-name"] = container.Metadata.Name,
            ["io.kubernetes.cri.image-name"] = container.Image.Requested,
            ["io.kubernetes.cri.sandbox-id"] = sandbox.Id,
            ["io.kubernetes.cri.sandbox-name"] = sandbox.Metadata.Name,
            ["io.kubernetes.cri.sandbox-namespace"] = sandbox.Metadata.Namespace,
            ["io.kubernetes.cri.sandbox-uid"] = sandbox.Metadata.Uid,
        },
    };
}

public sealed record CheckpointProcess(IReadOnlyList<string> Args, IReadOnlyList<string> Env, string Cwd);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CheckpointConfig))]
[JsonSerializable(typeof(CheckpointSpec))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
