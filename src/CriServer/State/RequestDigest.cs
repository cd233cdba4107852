using System.Security.Cryptography;
using System.Text;
using Crisp.Cri.V1;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Crisp.CriServer.State;

/// <summary>Tells a retry of a request from another request of the same name.</summary>
/// <remarks>Maps have no order on the wire, and Go writes them in a random one: they are sorted and digested apart.</remarks>
public static class RequestDigest
{
    public static string Of(RunPodSandboxRequest request)
    {
        var copy = request.Clone();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Take(copy.Config.Labels, hash);
        Take(copy.Config.Annotations, hash);
        Take(copy.Config.Linux?.Sysctls, hash);
        Take(copy.Config.Linux?.Overhead?.Unified, hash);
        Take(copy.Config.Linux?.Resources?.Unified, hash);
        return Finish(copy, hash);
    }

    /// <summary>Without sandbox_config, which the pod's record has already.</summary>
    public static string Of(CreateContainerRequest request)
    {
        var copy = request.Clone();
        copy.SandboxConfig = null;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Take(copy.Config.Labels, hash);
        Take(copy.Config.Annotations, hash);
        Take(copy.Config.Image?.Annotations, hash);
        Take(copy.Config.Linux?.Resources?.Unified, hash);
        return Finish(copy, hash);
    }

    private static void Take(MapField<string, string>? map, IncrementalHash hash)
    {
        foreach (var (key, value) in (map ?? []).OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{key.Length}:{key}{value.Length}:{value}"));
        }

        hash.AppendData("|"u8);
        map?.Clear();
    }

    private static string Finish(IMessage message, IncrementalHash hash)
    {
        hash.AppendData(message.ToByteArray());
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
