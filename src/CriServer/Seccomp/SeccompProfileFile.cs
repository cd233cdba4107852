using System.Text.Json;
using Crisp.CriServer.Hosting;
using Crisp.Linux;

namespace Crisp.CriServer.Seccomp;

/// <summary>Profiles as text: of the node's files, and crisp's own.</summary>
internal static class SeccompProfileFile
{
    private const int LargestFile = 4 << 20;
    private static readonly Lazy<SeccompProfile> _default = new(ReadDefault);

    /// <summary>
    /// The profile of containers that ask for RuntimeDefault: containerd 2.3's (contrib/seccomp/seccomp_default.go), so that
    /// what runs there runs here.
    /// </summary>
    public static SeccompProfile Default => _default.Value;

    /// <param name="path">As CRI's localhost_ref: absolute; "localhost/" before it is the older form.</param>
    /// <exception cref="CriException">It is not there, or no profile.</exception>
    public static SeccompProfile Read(string path)
    {
        const string Prefix = "localhost/";
        path = path.StartsWith(Prefix, StringComparison.Ordinal) ? path[Prefix.Length..] : path;
        if (!path.StartsWith('/') || path.Contains('\0', StringComparison.Ordinal))
        {
            throw CriException.Invalid($"The seccomp profile \"{path}\" is not an absolute path of a file on this node (localhost_ref).");
        }

        try
        {
            using var file = Files.Open(path, OpenFlags.ReadOnly | OpenFlags.NonBlocking);
            return Files.Status(file) is { Type: FileType.Regular, Size: <= LargestFile }
                ? Parse(Files.ReadToEnd(file, LargestFile), path)
                : throw CriException.Precondition($"The seccomp profile {path} is no regular file of at most {LargestFile >> 20} MiB.");
        }
        catch (LinuxException e)
        {
            throw new CriException(Grpc.Core.StatusCode.FailedPrecondition, $"The seccomp profile {path} cannot be read: {e.Message}.", e);
        }
    }

    internal static SeccompProfile Parse(ReadOnlySpan<byte> text, string path)
    {
        try
        {
            return JsonSerializer.Deserialize(text, SeccompJson.Default.SeccompProfile)
                ?? throw CriException.Precondition($"The seccomp profile {path} is empty.");
        }
        catch (JsonException e)
        {
            throw new CriException(Grpc.Core.StatusCode.FailedPrecondition, $"The seccomp profile {path} is not valid: {e.Message}", e);
        }
    }

    private static SeccompProfile ReadDefault()
    {
        using var stream = typeof(SeccompProfileFile).Assembly.GetManifestResourceStream("seccomp-default.json")!;
        using var text = new MemoryStream();
        stream.CopyTo(text);
        return Parse(text.ToArray(), "of this program");
    }
}
