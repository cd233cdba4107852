using Crisp.Linux;

namespace Crisp.CriServer.Tests;

/// <summary>A directory of a test's own, gone at its end.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("crisp-test-").FullName;

    public string Combine(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => TreeRemoval.Remove(Path);
}
