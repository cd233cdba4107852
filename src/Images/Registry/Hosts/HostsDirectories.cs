namespace Crisp.Images.Registry.Hosts;

/// <summary>Finds what the node's files say of a registry, in the layouts of containerd (hosts.toml) and Docker (*.crt, *.cert, *.key).</summary>
internal static class HostsDirectories
{
    private const string FileName = "hosts.toml";
    private const string Fallback = "_default";

    /// <summary>Whom to ask for a registry's images, in order. Never empty.</summary>
    /// <param name="directories">Searched in order; the first that has a directory for the registry decides.</param>
    /// <param name="registry">Of the image's name.</param>
    internal static IReadOnlyList<RegistryHost> Find(IReadOnlyList<string> directories, string registry)
    {
        var found = directories.SelectMany(top => Names(registry).Select(name => Path.Combine(top, name))).FirstOrDefault(Directory.Exists);
        if (found is null)
        {
            return [DefaultHost.Of(registry)];
        }

        var file = Path.Combine(found, FileName);
        return File.Exists(file) ? HostsFile.Parse(Read(file), file, registry) : [Certificates(found, DefaultHost.Of(registry))];
    }

    // A colon in a file's name is a nuisance on other systems, so containerd has a second form: host_5000_.
    private static IEnumerable<string> Names(string registry)
    {
        var colon = registry.LastIndexOf(':');
        if (colon > 0 && !registry.EndsWith(']'))
        {
            yield return $"{registry[..colon]}_{registry[(colon + 1)..]}_";
        }

        yield return registry;
        yield return Fallback;
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageError.Configuration, $"{file} cannot be read: {error.Message}", error);
        }
    }

    private static RegistryHost Certificates(string directory, RegistryHost host)
    {
        var files = Directory.GetFiles(directory).Order(StringComparer.Ordinal).ToList();
        var authorities = files.Where(f => f.EndsWith(".crt", StringComparison.Ordinal)).ToList();
        return host with
        {
            Authorities = authorities,
            SkipVerify = host.SkipVerify && authorities.Count == 0,
            MayBePlain = host.MayBePlain && authorities.Count == 0,
            ClientPairs =
            [
                .. files.Where(f => f.EndsWith(".cert", StringComparison.Ordinal))
                    .Select(f => (Certificate: f, Key: Path.ChangeExtension(f, ".key")))
                    .Select(f => new ClientPair(f.Certificate, File.Exists(f.Key) ? f.Key : null)),
            ],
        };
    }
}
