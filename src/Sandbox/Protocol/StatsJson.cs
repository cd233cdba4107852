using System.Text.Json;
using System.Text.Json.Serialization;
using Crisp.Cgroups;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Processes;
using Google.Protobuf;

namespace Crisp.Sandbox.Protocol;

/// <summary>The answer of Stats from its records, and back.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CgroupStats))]
[JsonSerializable(typeof(CgroupLimits))]
internal sealed partial class StatsJson : JsonSerializerContext
{
    internal static StatsResponse Write(SandboxStats stats)
    {
        var response = new StatsResponse { UsageJson = ByteString.CopyFrom(JsonSerializer.SerializeToUtf8Bytes(stats.Usage, Default.CgroupStats)) };
        if (stats.Limits is { } limits)
        {
            response.LimitsJson = ByteString.CopyFrom(JsonSerializer.SerializeToUtf8Bytes(limits, Default.CgroupLimits));
        }

        if (stats.Processes is { } counts)
        {
            response.Processes = new ProcessStats
            {
                Processes = counts.Processes,
                FileDescriptors = counts.FileDescriptors,
                Sockets = counts.Sockets,
                OutOfMemoryKills = counts.OutOfMemoryKills,
            };
            if (counts.OpenFilesLimit is { } limit)
            {
                response.Processes.OpenFilesLimit = limit;
            }
        }

        return response;
    }

    /// <exception cref="SandboxException">INTERNAL: it is no such answer.</exception>
    internal static SandboxStats Read(StatsResponse response)
    {
        try
        {
            var usage = JsonSerializer.Deserialize(response.UsageJson.Span, Default.CgroupStats) ?? new CgroupStats();
            var limits = response.LimitsJson.IsEmpty ? null : JsonSerializer.Deserialize(response.LimitsJson.Span, Default.CgroupLimits);

            // Neither members that are left out nor elements are checked by their annotations.
            if (IsIncomplete(usage.Hugepages) || IsIncomplete(usage.Io) || limits is { HugepageLimits: null } or { Unified: null })
            {
                throw new JsonException("A list is missing, or an element of one.");
            }

            return new SandboxStats(usage, limits, response.Processes is { } counts ? Read(counts) : null);
        }
        catch (JsonException e)
        {
            throw new SandboxException(RpcCode.Internal, $"Stats: the answer cannot be read: {e.Message}", e);
        }
    }

    private static bool IsIncomplete<T>(IReadOnlyList<T>? list) => list is null || list.Any(static e => e is null);

    private static ProcessCounts Read(ProcessStats counts) => new(
        counts.Processes,
        counts.FileDescriptors,
        counts.Sockets,
        counts.OutOfMemoryKills,
        counts.HasOpenFilesLimit ? counts.OpenFilesLimit : null);
}
