namespace Crisp.Cgroups.Tests;

/// <summary>A directory that looks like a cgroup, for what this machine's kernel would not show.</summary>
internal sealed class FakeTree : IDisposable
{
    private static readonly CgroupPath _path = CgroupPath.Parse("pod/container");

    internal FakeTree(params (string File, string Text)[] files)
    {
        Directory.CreateDirectory($"{Root}/{_path}");
        foreach (var (file, text) in files)
        {
            Write(file, text);
        }
    }

    internal string Root { get; } = Path.Combine(Path.GetTempPath(), $"crisp-test-{Guid.NewGuid():n}");

    internal ICgroup Version2() => new Crisp.Cgroups.V2.V2Manager(Root).Open(_path);

    internal ICgroup Version1() => new Crisp.Cgroups.V1.V1Manager([new CgroupHierarchy(Root, ["cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "devices", "hugetlb"], false)]).Open(_path);

    internal string Read(string file) => File.ReadAllText($"{Root}/{_path}/{file}");

    internal void Write(string file, string text) => File.WriteAllText($"{Root}/{_path}/{file}", text);

    internal bool Has(string file) => File.Exists($"{Root}/{_path}/{file}");

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
