namespace Crisp.Images.Tests.Registry;

/// <summary>A certs.d of a test's own.</summary>
internal sealed class HostsFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("crisp-test-").FullName;

    public string Write(string host, string content, string name = "hosts.toml") => Write(host, System.Text.Encoding.UTF8.GetBytes(content), name);

    /// <returns>The file's path.</returns>
    public string Write(string host, byte[] content, string name)
    {
        var directory = Directory.CreateDirectory(System.IO.Path.Combine(Path, host)).FullName;
        var file = System.IO.Path.Combine(directory, name);
        File.WriteAllBytes(file, content);
        return file;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
