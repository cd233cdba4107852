using Crisp.Linux;

namespace Crisp.Images.Tests;

/// <summary>A directory of one test, removed with everything in it.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("crisp-test-").FullName;

    internal string File(string name) => System.IO.Path.Combine(Path, name);

    internal string MakeDirectory(string name) => Directory.CreateDirectory(File(name)).FullName;

    public void Dispose() => TreeRemoval.Remove(Path);
}
