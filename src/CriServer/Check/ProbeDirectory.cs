using Crisp.Linux;

namespace Crisp.CriServer.Check;

/// <summary>A directory of a probe's own, where the daemon keeps or will keep its files; gone at the end.</summary>
internal sealed class ProbeDirectory : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private ProbeDirectory(string path) => Path = path;

    public string Path { get; }

    /// <param name="root">Need not exist: then the nearest directory above it, which it will be made in, is taken.</param>
    public static ProbeDirectory Create(string root)
    {
        var path = System.IO.Path.Combine(Existing(root), $"crisp-check-{Guid.NewGuid():N}");
        Directory.CreateDirectory(path, OwnerOnly);
        return new ProbeDirectory(path);
    }

    /// <summary>The directory itself, or the nearest one above it that exists.</summary>
    public static string Existing(string path) => Directory.Exists(path) ? path : Existing(System.IO.Path.GetDirectoryName(path) ?? "/");

    /// <summary>A directory in it.</summary>
    public string Make(string name) => Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;

    public void Dispose() => TreeRemoval.Remove(Path);
}
