using System.Security.Cryptography;
using System.Text.Json;

namespace Crisp.GuestImages;

/// <summary>A guest image on this node: the directory with kernel, initramfs and manifest that <c>crisp vm build</c> made.</summary>
public sealed class GuestImage
{
    internal const string KernelName = "kernel";
    internal const string InitramfsName = "initramfs";
    internal const string ManifestName = "manifest.json";
    private const long LongestManifest = 1 << 20;
    private const string Advice = "Make it with: crisp vm build";
    private readonly string _directory;

    private GuestImage(string directory, GuestImageManifest manifest) => (_directory, Manifest) = (directory, manifest);

    public GuestImageManifest Manifest { get; }

    public string KernelPath => Path.Combine(_directory, KernelName);

    public string InitramfsPath => Path.Combine(_directory, InitramfsName);

    /// <summary>Opens an image for use: its guests must speak this crisp's language.</summary>
    /// <param name="version">Of crisp.</param>
    /// <exception cref="GuestImageException">There is none, or another version's, or a file of it is missing or has another length.</exception>
    public static GuestImage Open(string directory, string version)
    {
        var image = Find(directory) ?? throw new GuestImageException($"There is no guest image in {directory}. {Advice}");
        if (image.Manifest.FormatVersion != GuestImageManifest.CurrentFormat || image.Manifest.CrispVersion != version)
        {
            throw new GuestImageException($"The guest image in {directory} was made by crisp {image.Manifest.CrispVersion}, and this is {version}. {Advice}");
        }

        foreach (var file in image.Files)
        {
            var info = new FileInfo(Path.Combine(directory, file.Name));
            if (!info.Exists || info.Length != file.Bytes)
            {
                throw new GuestImageException($"The guest image in {directory} is damaged: its {file.Name} has not the {file.Bytes} bytes that its manifest tells. {Advice}");
            }
        }

        return image;
    }

    /// <summary>Reads all of it and compares.</summary>
    /// <exception cref="GuestImageException">A file is not what the manifest tells.</exception>
    public void Verify()
    {
        foreach (var file in Files)
        {
            var content = HostFile.Read(file.Name, Path.Combine(_directory, file.Name), file.Bytes);
            if (Digest(content) != file.Sha256)
            {
                throw new GuestImageException($"The guest image in {_directory} is damaged: its {file.Name} is not the one that was written. {Advice}");
            }
        }
    }

    /// <summary>The image in a directory, whatever its version; null when there is none.</summary>
    /// <exception cref="GuestImageException">Its manifest cannot be understood.</exception>
    internal static GuestImage? Find(string directory)
    {
        var path = Path.Combine(directory, ManifestName);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return new GuestImage(directory, GuestImageManifest.Parse(HostFile.Read("manifest", path, LongestManifest)));
        }
        catch (JsonException e)
        {
            throw new GuestImageException($"The manifest {path} is damaged: {e.Message} {Advice}", e);
        }
    }

    internal static string Digest(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));

    // Never by the names that the manifest gives: it is the directory's word, and a path in it could lead elsewhere.
    private IEnumerable<GuestImageFile> Files => [Manifest.Kernel with { Name = KernelName }, Manifest.Initramfs with { Name = InitramfsName }];
}
