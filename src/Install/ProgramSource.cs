using System.Security.Cryptography;
using Crisp.Install.Host;

namespace Crisp.Install;

/// <summary>
/// Programs that are to be installed, as they lie before. They are read once: what asks again and again whether they are there, the node
/// agent, would otherwise read some fifty megabytes each time.
/// </summary>
/// <param name="directory">Where they lie, as this process sees it.</param>
/// <param name="programs">Their names, <see cref="ProgramFiles.Programs"/> and perhaps more.</param>
public sealed class ProgramSource(string directory, IReadOnlyList<string> programs, string version)
{
    private readonly List<string> _paths = [.. programs.Select(p => Path.Combine(directory, p))];

    public IReadOnlyList<string> Paths => _paths;

    /// <summary>The version and the beginning of a digest, so that two builds of one version are two.</summary>
    /// <exception cref="HostException">A program is missing.</exception>
    public string Name => field ??= $"{version}-{Digest()}";

    private string Digest()
    {
        if (_paths.Find(p => !File.Exists(p)) is { } missing)
        {
            throw new HostException($"The program {missing} is missing.");
        }

        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in _paths)
        {
            using var stream = File.OpenRead(path);
            digest.AppendData(SHA256.HashData(stream));
        }

        return Convert.ToHexStringLower(digest.GetHashAndReset())[..12];
    }
}
