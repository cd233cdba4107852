using Crisp.CriServer.Cdi;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.Cdi;

public sealed class CdiDirectoriesTests : IDisposable
{
    private const string Json =
        """
        {"cdiVersion":"0.7.0","kind":"vendor.example/gpu","containerEdits":{"env":["ALL=1"],"additionalGids":[44]},"devices":[
          {"name":"0","containerEdits":{"env":["GPU=0"],"deviceNodes":[{"path":"/dev/gpu0","type":"c","major":195,"minor":0,"fileMode":432,"permissions":"rw","uid":7}]}},
          {"name":"1","containerEdits":{"mounts":[{"hostPath":"/usr/lib/gpu","containerPath":"/usr/lib/gpu","options":["ro","rbind"]}]}}]}
        """;

    private const string Yaml =
        """
        ---
        cdiVersion: 0.7.0
        kind: vendor.example/gpu
        containerEdits:
          env: ["ALL=1"]
          additionalGids: [44]
        devices:
          - name: "0"
            annotations:
            containerEdits:
              env: [GPU=0]
              deviceNodes:
                - {path: /dev/gpu0, type: c, major: 195, minor: 0, fileMode: 0660, permissions: rw, uid: 7}
          - name: "1"
            containerEdits:
              mounts:
                - hostPath: /usr/lib/gpu
                  containerPath: /usr/lib/gpu
                  options: [ro, rbind]
        """;

    private readonly TemporaryDirectory _directory = new();

    [Theory]
    [InlineData("a.json", Json)]
    [InlineData("a.yaml", Yaml)]
    public void Devices_BringTheirEditsAndTheCommonOnesOnce(string file, string text)
    {
        Write("low", file, text);
        var edits = Resolve("vendor.example/gpu=1", "vendor.example/gpu=0");
        Assert.Equal(["ALL=1", "GPU=0"], edits.Env);
        Assert.Equal([44u], edits.AdditionalGids);
        Assert.Equal([new CdiDeviceNode("/dev/gpu0", Type: "c", Major: 195, FileMode: 0x1B0, Permissions: "rw", Uid: 7)], edits.DeviceNodes);
        var mount = Assert.Single(edits.Mounts);
        Assert.Equal(("/usr/lib/gpu", "/usr/lib/gpu"), (mount.HostPath, mount.ContainerPath));
        Assert.Equal(["ro", "rbind"], mount.Options!);
    }

    [Fact]
    public void HigherDirectory_Wins()
    {
        Write("low", "a.json", Json);
        Write("high", "b.yaml", Yaml.Replace("GPU=0", "GPU=high", StringComparison.Ordinal));
        Assert.Contains("GPU=high", Resolve("vendor.example/gpu=0").Env);
    }

    [Fact]
    public void DeviceInTwoFilesOfOneDirectory_IsRefusedWithBoth()
    {
        Write("low", "a.json", Json);
        Write("low", "b.yaml", Yaml);
        var message = Refused("vendor.example/gpu=0");
        Assert.Contains("a.json and by ", message, StringComparison.Ordinal);
        Assert.Contains("b.yaml: one directory may have it only once", message, StringComparison.Ordinal);
    }

    [Fact]
    public void UnknownDevice_IsNamedWithWhatIsWrongInTheFiles()
    {
        Write("low", "a.json", Json);
        Write("low", "broken.json", "{");
        Write("low", "notes.txt", "{");
        Assert.StartsWith("There is no CDI device vendor.example/gpu=9: no specification in ", Refused("vendor.example/gpu=9"), StringComparison.Ordinal);
        Assert.Contains("broken.json cannot be used: ", Refused("vendor.example/gpu=9"), StringComparison.Ordinal);
        Assert.Contains("GPU=0", Resolve("vendor.example/gpu=0").Env);
    }

    [Theory]
    [InlineData("\"intelRdt\":{\"closID\":\"x\",\"enableCMT\":true}", "has intelRdt")]
    [InlineData("\"netDevices\":[{\"hostInterfaceName\":\"eth7\",\"name\":\"net1\"}]", "has netDevices (eth7)")]
    public void WhatThisVersionHasNot_IsRefusedForThatDeviceAlone(string edit, string expected)
    {
        Write("low", "a.json", Json.Replace("\"env\":[\"GPU=0\"]", edit, StringComparison.Ordinal).Replace("0.7.0", "1.1.0", StringComparison.Ordinal));
        Assert.Contains(expected, Refused("vendor.example/gpu=0"), StringComparison.Ordinal);
        Assert.Single(Resolve("vendor.example/gpu=1").Mounts);
    }

    [Fact]
    public void BadFile_IsToldAndHurtsItsOwnDevicesAlone()
    {
        Write("low", "a.json", Json);
        Write("high", "broken.yaml", "cdiVersion: 0.7.0\nkind: vendor.example/gpu\ndevices: [{name: [0]}]");
        File.CreateSymbolicLink(_directory.Combine("high/dangling.json"), "nowhere");
        var found = Injection("vendor.example/gpu=0");
        Assert.Contains("GPU=0", found.Edits.Env);
        Assert.Equal(2, found.Problems.Count);
        Assert.Matches(@"^The CDI specification \S*/high/broken\.yaml cannot be used: \$\.devices\[0\]\.name is wrong: .+\.$", found.Problems[0]);
        Assert.Matches(@"/high/dangling\.json cannot be used: .*ENOENT.*\.$", found.Problems[1]);
    }

    [Fact]
    public void FileThatIsNoRegularOne_HoldsNobodyUp()
    {
        Write("low", "a.json", Json);
        using var directory = Files.Open(_directory.Combine("low"), OpenFlags.Directory);
        Files.MknodAt(directory, "fifo.json", FileType.Fifo, 0x1A4);
        Assert.Contains("it is no regular file but a Fifo file", Assert.Single(Injection("vendor.example/gpu=0").Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void LargeFile_IsRefused()
    {
        Write("low", "a.yaml", new string(' ', (8 << 20) + 1));
        Assert.Contains("more than 8 MiB", Refused("a/b=x"), StringComparison.Ordinal);
    }

    [Fact]
    public void TooManyFiles_AreNoneAndSaidSo()
    {
        Write("high", "a.json", Json);
        for (var i = 0; i <= 1000; i++)
        {
            Write("low", $"{i}.json", "");
        }

        Assert.Contains("more than 1000 CDI specifications", Assert.Single(Injection("vendor.example/gpu=0").Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void ManyDevicesOfOneFile_TakeNoTimeToSpeakOf()
    {
        var devices = string.Join(',', Enumerable.Range(0, 20_000).Select(i => $$$"""{"name":"d{{{i}}}","containerEdits":{"env":["A={{{i}}}"]}}"""));
        Write("low", "a.json", $$"""{"cdiVersion":"0.6.0","kind":"a.example/b","devices":[{{devices}}]}""");
        Assert.Equal(["A=19999"], Resolve("a.example/b=d19999").Env);
    }

    [Fact]
    public void NoDirectories_SayWhereDevicesWouldComeFrom()
        => Assert.Contains(
            "cdi.spec_dirs is empty", Assert.Throws<CdiException>(() => new CdiDirectories([]).Resolve(["a/b=c"])).Message, StringComparison.Ordinal);

    [Fact]
    public void Asked_IsTheFieldAndTheAnnotationsEachOnce()
        => Assert.Equal(
            ["a/b=1", "a/b=2", "a/b=3"],
            CdiNames.Asked(["a/b=1"], [new("cdi.k8s.io/z", "a/b=3"), new("cdi.k8s.io/a", "a/b=2,a/b=1"), new("other", "c/d=1")]));

    [Theory]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("a/b")]
    [InlineData("a/b=")]
    [InlineData("=x")]
    [InlineData("a/b=x y")]
    [InlineData("a/b/c=x")]
    [InlineData("1a/b=x")]
    [InlineData("../b=x")]
    [InlineData("a/b=x\n")]
    public void NameThatIsNone_IsRefused(string name)
        => Assert.Contains("is no name of a CDI device", Assert.Throws<CdiException>(() => CdiNames.Asked([name], [])).Message, StringComparison.Ordinal);

    public void Dispose() => _directory.Dispose();

    private CdiInjection Injection(params string[] names) => new CdiDirectories([_directory.Combine("low"), _directory.Combine("high")]).Resolve(names);

    private CdiEdits Resolve(params string[] names) => Injection(names).Edits;

    private string Refused(string name) => Assert.Throws<CdiException>(() => Resolve(name)).Message;

    private void Write(string directory, string file, string text)
    {
        Directory.CreateDirectory(_directory.Combine(directory));
        File.WriteAllText(Path.Combine(_directory.Combine(directory), file), text);
    }
}
