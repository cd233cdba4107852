using System.Text.Json;
using System.Text.Json.Serialization;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Sandboxes;

/// <summary>The exits that a pod's process has written: <c>RUN/sandboxes/ID/exits/CONTAINER.json</c>.</summary>
internal static class ExitFiles
{
    private const int MaxBytes = 64 << 10;

    /// <returns>Null when there is none, or none that can be read: the exit code is unknown then.</returns>
    public static ExitInfo? Read(string runDirectory, string containerId)
    {
        try
        {
            using var file = Files.Open(
                Path.Combine(runDirectory, "exits", containerId + ".json"), OpenFlags.ReadOnly | OpenFlags.NoFollow | OpenFlags.NonBlocking);
            var exit = JsonSerializer.Deserialize(Files.ReadToEnd(file, MaxBytes), ExitJson.Default.WrittenExit);
            return exit is null ? null : new ExitInfo
            {
                ExitCode = exit.ExitCode,
                FinishedAt = exit.FinishedAt,
                Signal = exit.Signal,
                OomKilled = exit.OomKilled,
                Message = exit.Message,
            };
        }
        catch (Exception e) when (e is LinuxException or JsonException)
        {
            // Not written, or the pod's process died within: 255 with a reason says so.
            return null;
        }
    }
}

/// <summary>ExitInfo of sandbox.proto as the pod's process writes it.</summary>
internal sealed record WrittenExit
{
    public int ExitCode { get; init; }

    public long FinishedAt { get; init; }

    public int Signal { get; init; }

    public bool OomKilled { get; init; }

    public string Message { get; init; } = "";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(WrittenExit))]
internal sealed partial class ExitJson : JsonSerializerContext;
